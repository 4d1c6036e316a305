//! The tables of `docs/time.md` say the truth.

use oneoff_domain::Timestamp;
use oneoff_domain::time::{Disambiguation, ParseOptions, parse};

fn rows() -> Vec<Vec<String>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/time.md");
    let text = std::fs::read_to_string(path).unwrap();
    let is_row = |line: &&str| line.starts_with("| `");
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    text.lines().filter(is_row).map(cells).collect()
}

fn options() -> ParseOptions<'static> {
    ParseOptions {
        now: "2026-11-21T20:00:00Z".parse().unwrap(),
        timezone: "Europe/Madrid",
        disambiguation: Disambiguation::Reject,
        allow_past: false,
    }
}

#[test]
fn every_example_means_what_the_guide_says() {
    let (mut examples, mut errors) = (0, 0);
    for row in rows() {
        let [expression, second, third] = row.as_slice() else { panic!("{row:?} has not three cells") };
        let expression = expression.trim_matches('`');
        let instant = second.trim_matches('`').parse::<Timestamp>();
        match (parse(expression, &options()), instant) {
            (Ok(resolved), Ok(instant)) => {
                assert_eq!(resolved.instant, instant, "{expression}");
                examples += 1;
            }
            (Err(error), Err(_)) => {
                assert_eq!((&error.message, error.hint.as_ref()), (second, Some(third)), "{expression}");
                errors += 1;
            }
            (actual, _) => panic!("{expression} is {actual:?}, and the guide says {second}"),
        }
    }
    assert!(examples >= 40 && errors >= 10, "{examples} examples and {errors} errors were found");
}

#[test]
fn the_guide_quotes_the_error_for_a_gap() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/time.md")).unwrap();
    let error = parse("2027-03-28 02:30", &options()).unwrap_err();
    assert!(guide.contains(&format!("{}\n{}\n", error.message, error.hint.unwrap())));
}
