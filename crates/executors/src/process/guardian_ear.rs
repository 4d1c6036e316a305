//! How the guardian listens: whole lines, and never for longer than it is told to, so that a server that hangs in the
//! middle of a word cannot keep it from its work.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::time::Duration;

/// Longer lines are no words of a server.
const LINE_MAX_BYTES: usize = 1024;
const READ_BYTES: usize = 16 * 1024;

/// What was heard.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A whole line, without its end.
    Line(String),
    /// Nothing, for as long as was asked for; all that was said before is heard.
    Nothing,
    /// The end of the input. A line that was cut short by it says nothing for certain.
    Closed,
}

/// The reading end of what the server says.
pub(super) struct Ear<F> {
    input: F,
    lines: VecDeque<String>,
    partial: Vec<u8>,
    is_too_long: bool,
}

impl<F: AsFd> Ear<F> {
    pub(super) fn new(input: F) -> Self {
        Self { input, lines: VecDeque::new(), partial: Vec::new(), is_too_long: false }
    }

    /// Waits for the next line, for ever where no time is given.
    pub(super) fn next(&mut self, at_most: Option<Duration>) -> Heard {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Heard::Line(line);
            }
            if !is_ready(&self.input, PollFlags::IN, at_most) {
                return Heard::Nothing;
            }
            let mut buffer = [0; READ_BYTES];
            match rustix::io::read(&self.input, &mut buffer) {
                Ok(0) => return Heard::Closed,
                Ok(count) => self.take_in(buffer.get(..count).unwrap_or_default()),
                Err(Errno::INTR | Errno::AGAIN) => return Heard::Nothing,
                Err(_broken) => return Heard::Closed,
            }
        }
    }

    fn take_in(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, is_whole) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            self.is_too_long |= self.partial.len() + text.len() > LINE_MAX_BYTES;
            if !self.is_too_long {
                self.partial.extend_from_slice(text);
            }
            if is_whole {
                let line = String::from_utf8(std::mem::take(&mut self.partial));
                let is_too_long = std::mem::take(&mut self.is_too_long);
                self.lines.extend(line.ok().filter(|_| !is_too_long));
            }
        }
    }
}

/// Whether one can read or write there without waiting, now or within that time.
pub(super) fn is_ready(descriptor: impl AsFd, what: PollFlags, at_most: Option<Duration>) -> bool {
    let timeout = at_most.and_then(|at_most| Timespec::try_from(at_most).ok());
    let mut watched = [PollFd::new(&descriptor, what)];
    // A signal ends the wait early.
    poll(&mut watched, timeout.as_ref()).is_ok_and(|count| count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fd::OwnedFd;
    use rustix::pipe::pipe;

    fn pipe_with(text: &[u8]) -> (Ear<OwnedFd>, OwnedFd) {
        let (reading, writing) = pipe().unwrap();
        rustix::io::write(&writing, text).unwrap();
        (Ear::new(reading), writing)
    }

    fn line(text: &str) -> Heard {
        Heard::Line(text.to_owned())
    }

    #[test]
    fn lines_are_heard_whole_and_in_order() {
        let (mut ear, writing) = pipe_with(b"one\ntwo\nthr");
        assert_eq!([ear.next(None), ear.next(None)], [line("one"), line("two")]);
        assert_eq!(ear.next(Some(Duration::ZERO)), Heard::Nothing, "half a word");
        rustix::io::write(&writing, b"ee\nfour").unwrap();
        assert_eq!(ear.next(None), line("three"));
        drop(writing);
        assert_eq!(ear.next(None), Heard::Closed, "what was cut short says nothing");
    }

    #[test]
    fn what_is_too_long_or_no_text_is_left_out() {
        let long = "x".repeat(LINE_MAX_BYTES + 1);
        let just = "y".repeat(LINE_MAX_BYTES);
        let (mut ear, _writing) = pipe_with(format!("{long}\n{just}\n").as_bytes());
        assert_eq!(ear.next(None), line(&just));
        let (mut ear, _writing) = pipe_with(b"a\xff\n\nb\n");
        assert_eq!([ear.next(None), ear.next(None)], [line(""), line("b")]);
    }
}
