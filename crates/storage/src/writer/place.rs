//! The place of a request in its lane, which its caller may give up for as long as no writer has taken it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whose a request that waits is: the writer's that takes it, or again its caller's, who does not wait any more. Whoever
/// asks first has it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place(Arc<AtomicBool>);

impl Place {
    /// A writer takes the request; answers whether its caller still waits for it.
    pub(crate) fn take(&self) -> bool {
        self.is_first()
    }

    /// The caller gives the request up; answers whether that came before a writer: nothing of it is ever written then.
    pub(crate) fn give_up(&self) -> bool {
        self.is_first()
    }

    fn is_first(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}
