//! How far a long command is: a bar on a terminal, and a line now and then elsewhere.

use oneoff_storage::moving::{MoveProgress, Stage};
use std::io::Write;
use std::time::{Duration, Instant};

/// A person wants to see it move.
const ON_TERMINAL: Duration = Duration::from_millis(100);
/// A log wants to be read.
const ELSEWHERE: Duration = Duration::from_secs(5);
const BAR_CHARS: u64 = 24;

/// Shows progress in one line that is written over, or in lines of their own.
pub struct ProgressLine<'a, W: Write> {
    to: &'a mut W,
    is_terminal: bool,
    shown_at: Option<Instant>,
}

impl<'a, W: Write> ProgressLine<'a, W> {
    /// On a terminal, or elsewhere.
    pub fn new(to: &'a mut W, is_terminal: bool) -> Self {
        Self { to, is_terminal, shown_at: None }
    }

    /// Shows it, unless that was done just now. Nobody has to read it.
    pub fn show(&mut self, progress: &MoveProgress) {
        let now = Instant::now();
        let apart = if self.is_terminal { ON_TERMINAL } else { ELSEWHERE };
        let begins = self.shown_at.is_none();
        if !begins && self.shown_at.is_some_and(|at| now.duration_since(at) < apart) {
            return;
        }
        self.shown_at = Some(now);
        let line = line(progress);
        // `ESC [K` ends the line where the one before was longer.
        let _nobody_reads = match self.is_terminal {
            true => write!(self.to, "\r{} {line}\u{1b}[K", bar(progress)),
            false => writeln!(self.to, "{line}"),
        };
        let _nobody_reads = self.to.flush();
    }

    /// Leaves the terminal clean.
    pub fn end(&mut self) {
        if self.is_terminal && self.shown_at.is_some() {
            let _nobody_reads = write!(self.to, "\r\u{1b}[K");
            let _nobody_reads = self.to.flush();
        }
    }
}

fn line(progress: &MoveProgress) -> String {
    let verb = match progress.stage {
        Stage::Copying => "copied",
        Stage::Comparing => "compared",
    };
    format!("{verb} {} of {} rows of {}", progress.rows_done, progress.rows_total, progress.table)
}

fn bar(progress: &MoveProgress) -> String {
    let done = progress.rows_done.min(progress.rows_total);
    // An empty table is done.
    let full = (done * BAR_CHARS).checked_div(progress.rows_total).unwrap_or(BAR_CHARS);
    let full = usize::try_from(full).unwrap_or_default();
    let width = usize::try_from(BAR_CHARS).unwrap_or_default();
    format!("[{:<width$}]", "#".repeat(full))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(rows_done: u64, rows_total: u64) -> MoveProgress {
        MoveProgress { stage: Stage::Copying, table: "events", rows_done, rows_total }
    }

    fn shown(is_terminal: bool) -> String {
        let mut text = Vec::new();
        let mut line = ProgressLine::new(&mut text, is_terminal);
        line.show(&progress(1, 2));
        line.show(&progress(2, 2));
        line.end();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_terminal_is_left_clean_and_a_log_gets_plain_lines() {
        assert_eq!(shown(false), "copied 1 of 2 rows of events\n");
        let terminal = shown(true);
        assert!(terminal.starts_with("\r[############            ] copied 1 of 2"), "{terminal:?}");
        assert!(terminal.ends_with("\r\u{1b}[K"), "{terminal:?}");
    }

    #[test]
    fn the_bar_stays_within_its_bounds() {
        for (done, total, full) in [(0, 0, 24), (0, 9, 0), (9, 9, 24), (99, 9, 24), (1, 1_000_000, 0)] {
            let bar = bar(&progress(done, total));
            assert_eq!((bar.len(), bar.matches('#').count()), (26, full), "{bar}");
        }
    }
}
