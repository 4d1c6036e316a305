//! What happened in a history, line by line: a hash of all of it, and the last part of the text.

use std::collections::VecDeque;
use std::fmt::Write as _;

/// The trace.
#[derive(Debug)]
pub(super) struct Trace {
    hash: u64,
    lines: u64,
    kept: VecDeque<String>,
    keeps: usize,
}

impl Trace {
    /// A trace of which the last lines are kept for people.
    pub(super) fn keeping(lines: usize) -> Self {
        // FNV-1a (Fowler, Noll and Vo) of 64 bits.
        Self { hash: 0xcbf2_9ce4_8422_2325, lines: 0, kept: VecDeque::new(), keeps: lines.max(1) }
    }

    /// Adds a line.
    pub(super) fn add(&mut self, passed_us: u64, text: std::fmt::Arguments<'_>) {
        let mut line = String::new();
        if self.kept.len() >= self.keeps {
            line = self.kept.pop_front().unwrap_or_default();
            line.clear();
        }
        let (seconds, micros) = (passed_us / 1_000_000, passed_us % 1_000_000);
        let _written = write!(line, "{seconds:>8}.{micros:06} {text}");
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
