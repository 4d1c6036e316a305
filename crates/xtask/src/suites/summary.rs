//! The table at the end: what ran, how much, how long, and what to do about failures.

use super::Tally;
use std::fmt::Write as _;

/// What became of a suite.
pub(super) enum Outcome {
    Passed {
        tally: Tally,
        unit: &'static str,
    },
    Failed {
        tally: Tally,
        unit: &'static str,
        why: String,
    },
    /// Left out because the command line says so.
    Skipped,
}

/// A line of the table.
pub(super) struct Row {
    pub(super) suite: String,
    pub(super) outcome: Outcome,
    pub(super) seconds: f64,
}

/// The table, the failures below it, and one last line for the whole.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = format!("\n{:<14}{:<10}{:>28}{:>10}\n", "suite", "result", "count", "seconds");
    let (mut passed, mut failed, mut skipped, mut tests) = (0, 0, 0, Tally::default());
    for row in rows {
        let (result, count) = match &row.outcome {
            Outcome::Passed { tally, unit } => {
                passed += 1;
                ("passed", counted(*tally, unit, &mut tests))
            }
            Outcome::Failed { tally, unit, .. } => {
                failed += 1;
                ("FAILED", counted(*tally, unit, &mut tests))
            }
            Outcome::Skipped => {
                skipped += 1;
                ("skipped", "on request".to_owned())
            }
        };
        let _infallible = writeln!(text, "{:<14}{result:<10}{count:>28}{:>10.1}", row.suite, row.seconds);
    }
    for row in rows {
        if let Outcome::Failed { why, .. } = &row.outcome {
            let _infallible = write!(text, "\n{} FAILED: {why}\n", row.suite);
        }
    }
    let seconds: f64 = rows.iter().map(|row| row.seconds).sum();
    let _infallible = write!(
        text,
        "\n{}: {passed} suites passed, {failed} failed, {skipped} skipped on request; \
         {} tests passed, {} failed, {} ignored; {seconds:.0} s\n",
        if failed == 0 { "PASSED" } else { "FAILED" },
        tests.passed,
        tests.failed,
        tests.ignored,
    );
    text
}

/// The count of a suite in words; tests, as opposed to files, also go into `tests`.
fn counted(tally: Tally, unit: &str, tests: &mut Tally) -> String {
    if unit == "tests" {
        tests.passed += tally.passed;
        tests.failed += tally.failed;
        tests.ignored += tally.ignored;
    }
    match tally {
        Tally { failed: 0, ignored: 0, passed } => format!("{passed} {unit}").trim_end().to_owned(),
        Tally { failed, ignored: 0, .. } => format!("{failed} of {} {unit} failed", tally.total()),
        Tally { failed: 0, ignored, passed } => format!("{passed} {unit}, {ignored} ignored"),
        Tally { failed, ignored, .. } => format!("{failed} of {} {unit}, {ignored} ignored", tally.total()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Row, table};
    use crate::suites::Tally;

    fn row(suite: &str, outcome: Outcome) -> Row {
        Row { suite: suite.to_owned(), outcome, seconds: 1.5 }
    }

    #[test]
    fn nothing_is_hidden() {
        let tally = Tally { passed: 40, failed: 2, ignored: 0 };
        let text = table(&[
            row("format", Outcome::Passed { tally: Tally { passed: 90, ..Tally::default() }, unit: "files" }),
            row("rust", Outcome::Failed { tally, unit: "tests", why: "2 tests failed".to_owned() }),
            row("browser", Outcome::Skipped),
        ]);
        for part in [
            "format        passed                        90 files       1.5",
            "rust          FAILED            2 of 42 tests failed",
            "browser       skipped                     on request",
            "rust FAILED: 2 tests failed",
            "FAILED: 1 suites passed, 1 failed, 1 skipped on request; 40 tests passed, 2 failed, 0 ignored; 4 s",
        ] {
            assert!(text.contains(part), "`{part}` is missing in\n{text}");
        }
    }

    #[test]
    fn a_good_end_says_so() {
        let outcome = Outcome::Passed { tally: Tally { passed: 3, ..Tally::default() }, unit: "tests" };
        assert!(table(&[row("rust", outcome)]).contains("\nPASSED: 1 suites passed, 0 failed"));
    }
}
