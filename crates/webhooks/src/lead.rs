//! Which node sends deliveries: of several that share a database, one at a time.

use std::future::Future;
use std::pin::Pin;

/// A wait for a change of hands.
pub type LeadFuture<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Whether this process is the one that sends deliveries.
pub trait Lead: Send + Sync + 'static {
    /// Resolves when it is.
    fn held(&self) -> LeadFuture<'_>;
    /// Resolves when it is not any more.
    fn lost(&self) -> LeadFuture<'_>;
}
