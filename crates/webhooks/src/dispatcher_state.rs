//! What the dispatcher of this node does, for who asks how the server is.

use std::sync::{Mutex, PoisonError};

/// What sends deliveries on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DispatcherState {
    /// It was not started.
    #[default]
    Off,
    /// Another node sends, or none has the role just now.
    Waits,
    /// It sends.
    Sends,
    /// It cannot: the store does not do what it asks for. It tries again.
    Fails,
    /// It has ended.
    Ended,
}

/// Where it says so.
#[derive(Debug, Default)]
pub(crate) struct StateCell(Mutex<DispatcherState>);

impl StateCell {
    pub(crate) fn get(&self) -> DispatcherState {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, state: DispatcherState) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}
