//! Releasing all jobs of a hold reason, as after a restore.

use super::Service;
use crate::ServiceError;
use oneoff_domain::{Context, HoldReason};
use oneoff_storage::HeldFor;

/// Jobs that are released in one commit, so that no other write waits long for it.
const SLICE: u32 = 200;
/// Jobs that one call looks at.
const CALL_MAX: usize = 10_000;

/// What a call released, or would release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Released {
    /// Jobs that were released.
    pub released: usize,
    /// Jobs that stay held, because they have no time at which to start or cannot be read.
    pub skipped: usize,
    /// Whether there are more to look at.
    pub more: bool,
}

impl Service {
    /// Releases jobs that are held for a reason, up to 10,000 of them. Those that are due start at once. What was
    /// released before an error stays so, and the call may be repeated.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn release_held(&self, context: Context, reason: HoldReason) -> Result<Released, ServiceError> {
        self.accepting()?;
        let store = &self.inner.store;
        let mut total = Released::default();
        let mut after = 0;
        while total.released + total.skipped < CALL_MAX {
            let held = HeldFor { reason, after, limit: SLICE };
            let slice = match context.dry_run {
                true => store.preview_release_held(context.clone(), held).await?,
                false => store.release_held(context.clone(), self.now(), held).await?,
            };
            total.released += slice.released;
            total.skipped += slice.skipped;
            let Some(next) = slice.next else { return Ok(total) };
            after = next;
        }
        Ok(Released { more: true, ..total })
    }
}
