//! `docs/version-1.md` names a test for each defect of OneOff v1: each of these tests is there.

use std::path::Path;

const DOCUMENT: &str = include_str!("../../../../../docs/version-1.md");

/// How many defects of it are known.
const DEFECTS: usize = 84;

/// The rows of the table: the cells of each.
fn rows() -> Vec<Vec<&'static str>> {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| W"));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// The texts in backticks, by twos: a file and a test.
fn named(cell: &'static str) -> Vec<(&'static str, &'static str)> {
    let words: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
    words.chunks(2).map(|pair| (pair[0], *pair.get(1).expect(cell))).collect()
}

#[test]
fn every_defect_of_v1_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let rows = rows();
    let numbers: Vec<String> = rows.iter().map(|row| row[0].to_owned()).collect();
    assert_eq!(numbers, (1..=DEFECTS).map(|number| format!("W{number}")).collect::<Vec<_>>());
    for row in rows {
        let [number, _what, shown] = row.as_slice() else { panic!("not three cells: {row:?}") };
        let tests = named(shown);
        assert!(
            !tests.is_empty() || shown.starts_with("no "),
            "{number} names neither a test nor what there is not"
        );
        for (file, test) in tests {
            let source = std::fs::read_to_string(root.join(file))
                .unwrap_or_else(|error| panic!("{number}: {file}: {error}"));
            let is_there = [format!("fn {test}("), format!("'{test}'"), format!("`{test}`")]
                .iter()
                .any(|text| source.contains(text.as_str()));
            assert!(is_there, "{number}: there is no `{test}` in {file}");
        }
    }
}
