//! The gate before reads: the writer can close it for a moment, so that the log can begin anew although reads
//! follow each other without a pause.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

#[derive(Default)]
struct State {
    reading: usize,
    closed: bool,
}

/// The gate.
#[derive(Default)]
pub(crate) struct ReadGate {
    state: Mutex<State>,
    left: Condvar,
    opened: Notify,
}

/// A read that has passed the gate. Dropping it ends the read.
pub(crate) struct Reading {
    gate: Arc<ReadGate>,
}

/// A closed gate behind which nobody reads. Dropping it opens the gate.
pub(crate) struct Quiet<'a> {
    gate: &'a ReadGate,
}

impl ReadGate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while the gate is closed.
    pub(crate) async fn enter(self: &Arc<Self>) -> Reading {
        loop {
            // Before the look at the state, so that an opening in between is not missed.
            let opened = self.opened.notified();
            if let Some(reading) = self.try_enter() {
                return reading;
            }
            opened.await;
        }
    }

    fn try_enter(self: &Arc<Self>) -> Option<Reading> {
        let mut state = self.lock();
        if state.closed {
            return None;
        }
        state.reading += 1;
        Some(Reading { gate: Arc::clone(self) })
    }

    /// Closes the gate and waits for the reads behind it to end; gives up, and opens it, after `at_most`.
    pub(crate) fn quiet(&self, at_most: Duration) -> Option<Quiet<'_>> {
        let mut state = self.lock();
        state.closed = true;
        let quiet = Quiet { gate: self };
        let (state, _) = self
            .left
            .wait_timeout_while(state, at_most, |state| state.reading > 0)
            .unwrap_or_else(PoisonError::into_inner);
        let is_quiet = state.reading == 0;
        drop(state);
        is_quiet.then_some(quiet)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.gate.lock().reading -= 1;
        self.gate.left.notify_all();
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        self.gate.lock().closed = false;
        self.gate.opened.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOT_LONG: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn it_is_quiet_only_when_the_last_read_has_ended() {
        let gate = Arc::new(ReadGate::default());
        let (first, second) = (gate.enter().await, gate.enter().await);
        assert!(gate.quiet(NOT_LONG).is_none());
        drop(first);
        assert!(gate.quiet(NOT_LONG).is_none());
        drop(second);
        assert!(gate.quiet(NOT_LONG).is_some());
    }

    #[tokio::test]
    async fn a_read_that_comes_to_a_closed_gate_goes_on_when_it_opens() {
        let gate = Arc::new(ReadGate::default());
        let quiet = gate.quiet(NOT_LONG).unwrap();
        assert!(gate.try_enter().is_none());
        let behind = Arc::clone(&gate);
        let waiting = tokio::spawn(async move { drop(behind.enter().await) });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(quiet);
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn a_gate_that_did_not_become_quiet_is_open() {
        let gate = Arc::new(ReadGate::default());
        let reading = gate.enter().await;
        assert!(gate.quiet(NOT_LONG).is_none());
        drop(gate.enter().await);
        drop(reading);
    }
}
