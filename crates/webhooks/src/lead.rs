//! Which node sends deliveries: of several that share a database, one at a time.

use std::future::{Future, pending, ready};
use std::pin::Pin;

/// A wait for a change of hands.
pub type LeadFuture<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Whether this process is the one that sends deliveries.
pub trait Lead: Send + Sync + 'static {
    /// Whether it is now.
    fn is_held(&self) -> bool;
    /// Resolves when it is.
    fn held(&self) -> LeadFuture<'_>;
    /// Resolves when it is not any more.
    fn lost(&self) -> LeadFuture<'_>;
}

/// The only process there is.
#[derive(Debug, Clone, Copy, Default)]
pub struct AlwaysLeads;

impl Lead for AlwaysLeads {
    fn is_held(&self) -> bool {
        true
    }

    fn held(&self) -> LeadFuture<'_> {
        Box::pin(ready(()))
    }

    fn lost(&self) -> LeadFuture<'_> {
        Box::pin(pending())
    }
}
