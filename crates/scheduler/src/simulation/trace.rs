//! What happened in a history, line by line: a hash of all of it, and the last part of the text.

use std::collections::VecDeque;
use std::fmt::Write as _;

/// Lines that are kept for people.
const KEPT_LINES: usize = 120;

/// The trace.
#[derive(Debug)]
pub(super) struct Trace {
    hash: u64,
    lines: u64,
    kept: VecDeque<String>,
}

impl Trace {
    pub(super) fn new() -> Self {
        // FNV-1a (Fowler, Noll and Vo) of 64 bits.
        Self { hash: 0xcbf2_9ce4_8422_2325, lines: 0, kept: VecDeque::new() }
    }

    /// Adds a line.
    pub(super) fn add(&mut self, passed_us: u64, text: std::fmt::Arguments<'_>) {
        let mut line = if self.kept.len() < KEPT_LINES {
            String::new()
        } else {
            self.kept.pop_front().unwrap_or_default()
        };
        line.clear();
        let _written = write!(
            line,
            "{:>14.6} {text}",
            f64::from(u32::try_from(passed_us / 1_000_000).unwrap_or(u32::MAX))
                + f64::from(u32::try_from(passed_us % 1_000_000).unwrap_or(0)) / 1e6
        );
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
        self.lines += 1;
        self.kept.push_back(line);
    }

    /// Stands for the whole trace.
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    /// How many lines there were.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// The last lines.
    pub(super) fn into_kept(self) -> Vec<String> {
        self.kept.into()
    }
}
