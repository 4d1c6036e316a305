//! How many tests ran, read from what the test programs print.

use super::Tally;

impl Tally {
    /// Adds a line of a Rust test program: `test result: ok. 3 passed; 0 failed; 1 ignored; ...`.
    pub(super) fn add_rust_line(&mut self, line: &str) {
        let Some(result) = line.trim_start().strip_prefix("test result: ") else { return };
        let (_, counts) = result.split_once(". ").unwrap_or_default();
        for part in counts.split("; ") {
            self.add(part);
        }
    }

    /// Adds a line of vitest's summary: `Tests  1 failed | 12 passed (13)`.
    pub(super) fn add_vitest_line(&mut self, line: &str) {
        let line = without_colours(line);
        let Some(counts) = line.trim_start().strip_prefix("Tests ") else { return };
        let (counts, _total) = counts.rsplit_once('(').unwrap_or((counts, ""));
        for part in counts.split('|') {
            self.add(part);
        }
    }

    fn add(&mut self, part: &str) {
        let mut words = part.split_whitespace();
        let Some(count) = words.next().and_then(|word| word.parse::<usize>().ok()) else { return };
        match words.next() {
            Some("passed") => self.passed += count,
            Some("failed") => self.failed += count,
            Some("ignored" | "skipped" | "todo") => self.ignored += count,
            _ => {}
        }
    }

    /// How many there are in all.
    pub(super) fn total(&self) -> usize {
        self.passed + self.failed + self.ignored
    }
}

/// The line without terminal colours (ECMA-48 SGR sequences).
fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn results_of_rust_tests_are_summed() {
        let mut tally = Tally::default();
        for line in [
            "running 4 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test tests::result ... ok",
            "test result: FAILED. 5 passed; 2 failed; 0 ignored; 0 measured; 9 filtered out; finished in 1.20s",
        ] {
            tally.add_rust_line(line);
        }
        assert_eq!(tally, Tally { passed: 8, failed: 2, ignored: 1 });
        assert_eq!(tally.total(), 11);
    }

    #[test]
    fn the_summary_of_vitest_is_read_through_its_colours() {
        let mut tally = Tally::default();
        for line in [
            " Test Files  2 passed (2)",
            "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[31m1 failed\u{1b}[39m\u{1b}[22m | \u{1b}[32m12 passed\u{1b}[39m | 3 skipped\u{1b}[90m (16)\u{1b}[39m",
        ] {
            tally.add_vitest_line(line);
        }
        assert_eq!(tally, Tally { passed: 12, failed: 1, ignored: 3 });
    }
}
