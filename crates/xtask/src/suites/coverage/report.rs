//! From cargo-tarpaulin's report to lines covered per crate, and which crates have too few.

use anyhow::{Context as _, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

/// The crates whose lines must be run by tests, and how many percent of them.
const MUST: &[&str] = &["domain", "storage", "scheduler", "executors"];
const MINIMUM_PERCENT: f64 = 80.0;

/// The lines of a crate's `src`, without its tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CrateCoverage {
    /// The folder: `crates/domain`.
    pub(super) folder: String,
    /// Lines that a test ran.
    pub(super) covered: u64,
    /// Lines that can be run.
    pub(super) lines: u64,
}

impl CrateCoverage {
    fn name(&self) -> &str {
        self.folder.rsplit('/').next().unwrap_or_default()
    }

    /// Whether it is the package of this name: `oneoff-domain` lies in `crates/domain`.
    pub(super) fn is_package(&self, package: &str) -> bool {
        let in_bins = self.folder.starts_with("bins/");
        match (package.strip_prefix("oneoff-"), self.name()) {
            (None, name) => name == package && !in_bins,
            (Some("cli"), "oneoff") => in_bins,
            (Some("server"), "oneoff-server") => in_bins,
            (Some(short), name) => name == short,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of lines are small")]
    fn percent(&self) -> f64 {
        if self.lines == 0 { 100.0 } else { self.covered as f64 * 100.0 / self.lines as f64 }
    }

    fn is_short(&self) -> bool {
        self.folder.starts_with("crates/") && MUST.contains(&self.name()) && self.percent() < MINIMUM_PERCENT
    }
}

/// Sums the report up by crate, in the order of their names.
pub(super) fn read(report: &str, root: &Path) -> Result<Vec<CrateCoverage>> {
    let report: Value = serde_json::from_str(report).context("the report of cargo-tarpaulin is not JSON")?;
    let files = report
        .get("files")
        .and_then(Value::as_array)
        .context("the report of cargo-tarpaulin has no files")?;
    let mut crates: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for file in files {
        let parts = file.get("path").and_then(Value::as_array).context("a file of the report has no path")?;
        let path: PathBuf = parts.iter().filter_map(Value::as_str).collect();
        let Some(folder) = path.strip_prefix(root).ok().and_then(crate_of) else { continue };
        let count = |name: &str| {
            file.get(name)
                .and_then(Value::as_u64)
                .with_context(|| format!("a file of the report has no {name}"))
        };
        let sum = crates.entry(folder).or_default();
        *sum = (sum.0 + count("covered")?, sum.1 + count("coverable")?);
    }
    Ok(crates
        .into_iter()
        .map(|(folder, (covered, lines))| CrateCoverage { folder, covered, lines })
        .collect())
}

/// The crate that a source file counts for: `crates/domain` of `crates/domain/src/job.rs`.
fn crate_of(path: &Path) -> Option<String> {
    let parts: Vec<&str> = path
        .components()
        .map(|part| if let Component::Normal(part) = part { part.to_str() } else { None })
        .collect::<Option<_>>()?;
    let [group @ ("crates" | "bins"), name, "src", .., file] = parts.as_slice() else { return None };
    let is_test = *file == "tests.rs" || file.ends_with("_tests.rs") || file.starts_with("test_");
    (!is_test).then(|| format!("{group}/{name}"))
}

/// The table.
pub(super) fn table(crates: &[CrateCoverage]) -> String {
    let mut text = format!("\n{:<22}{:>10}{:>10}{:>10}\n", "crate", "covered", "lines", "percent");
    for one in crates {
        let note = if one.is_short() { format!("  below {MINIMUM_PERCENT:.0} %") } else { String::new() };
        let _infallible = writeln!(
            text,
            "{:<22}{:>10}{:>10}{:>10.1}{note}",
            one.folder,
            one.covered,
            one.lines,
            one.percent()
        );
    }
    let sum = CrateCoverage {
        folder: "all".to_owned(),
        covered: crates.iter().map(|one| one.covered).sum(),
        lines: crates.iter().map(|one| one.lines).sum(),
    };
    let _infallible =
        writeln!(text, "{:<22}{:>10}{:>10}{:>10.1}", sum.folder, sum.covered, sum.lines, sum.percent());
    text
}

/// The crates that must be covered better, with what they have.
pub(super) fn below_minimum(crates: &[CrateCoverage]) -> Vec<String> {
    let short = crates.iter().filter(|one| one.is_short());
    short.map(|one| format!("{} ({:.1} %, not {MINIMUM_PERCENT:.0} %)", one.name(), one.percent())).collect()
}

#[cfg(test)]
mod tests {
    use super::{CrateCoverage, below_minimum, read, table};
    use serde_json::json;
    use std::path::Path;

    fn report() -> String {
        let file = |path: &[&str], covered: u64, coverable: u64| json!({"path": path, "covered": covered, "coverable": coverable});
        json!({"files": [
            file(&["/", "work", "crates", "domain", "src", "job.rs"], 70, 80),
            file(&["/", "work", "crates", "domain", "src", "time", "zone.rs"], 10, 20),
            file(&["/", "work", "crates", "domain", "src", "core", "tests.rs"], 0, 500),
            file(&["/", "work", "crates", "domain", "src", "clock_tests.rs"], 0, 500),
            file(&["/", "work", "crates", "domain", "tests", "it", "main.rs"], 0, 500),
            file(&["/", "work", "crates", "storage", "src", "claim.rs"], 79, 100),
            file(&["/", "work", "crates", "ui", "src", "lib.rs"], 0, 9),
            file(&["/", "work", "bins", "oneoff", "src", "main.rs"], 1, 4),
            file(&["/", "home", "registry", "src", "lib.rs"], 0, 999),
        ]})
        .to_string()
    }

    fn crates() -> Vec<CrateCoverage> {
        read(&report(), Path::new("/work")).unwrap()
    }

    #[test]
    fn lines_are_summed_by_crate_without_tests_and_strangers() {
        let sums: Vec<_> = crates().into_iter().map(|one| (one.folder, one.covered, one.lines)).collect();
        let expected = [
            ("bins/oneoff", 1, 4),
            ("crates/domain", 80, 100),
            ("crates/storage", 79, 100),
            ("crates/ui", 0, 9),
        ];
        assert_eq!(sums, expected.map(|(folder, covered, lines)| (folder.to_owned(), covered, lines)));
    }

    #[test]
    fn only_the_crates_that_must_be_covered_can_be_short() {
        assert_eq!(below_minimum(&crates()), ["storage (79.0 %, not 80 %)"]);
        let text = table(&crates());
        assert!(
            text.contains("crates/storage                79       100      79.0  below 80 %\n"),
            "{text}"
        );
        assert!(text.contains("crates/domain                 80       100      80.0\n"), "{text}");
        assert!(text.ends_with("all                          160       213      75.1\n"), "{text}");
    }

    #[test]
    fn packages_are_told_by_their_folders() {
        let of = |folder: &str| CrateCoverage { folder: folder.to_owned(), covered: 0, lines: 0 };
        assert!(of("crates/domain").is_package("oneoff-domain") && of("crates/oneoff").is_package("oneoff"));
        assert!(
            of("bins/oneoff").is_package("oneoff-cli")
                && of("bins/oneoff-server").is_package("oneoff-server")
        );
        assert!(
            !of("bins/oneoff").is_package("oneoff") && !of("crates/test-server").is_package("oneoff-server")
        );
    }

    #[test]
    fn a_report_of_another_form_is_an_error() {
        for text in ["", "{}", r#"{"files": [{}]}"#] {
            assert!(read(text, Path::new("/work")).is_err(), "{text}");
        }
        let no_counts =
            json!({"files": [{"path": ["/", "work", "crates", "ui", "src", "lib.rs"]}]}).to_string();
        assert!(read(&no_counts, Path::new("/work")).is_err());
    }
}
