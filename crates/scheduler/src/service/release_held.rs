//! Releasing all jobs of a hold reason, as after a restore.

use super::Service;
use crate::ServiceError;
use oneoff_domain::{Context, HoldReason};
use oneoff_storage::HeldFor;
use std::collections::BTreeSet;

/// Jobs that are released in one commit, so that no other write waits long for it.
const SLICE: u32 = 200;
/// Jobs that one call releases or skips, to within a slice.
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
        for project in parts(&context) {
            let mut after = Some(0);
            while let Some(place) = after {
                if total.released + total.skipped >= CALL_MAX {
                    return Ok(Released { more: true, ..total });
                }
                let held = HeldFor { reason, project: project.clone(), after: place, limit: SLICE };
                let slice = match context.dry_run {
                    true => store.preview_release_held(context.clone(), held).await?,
                    false => store.release_held(context.clone(), self.now(), held).await?,
                };
                total.released += slice.released;
                total.skipped += slice.skipped;
                after = slice.next;
            }
        }
        Ok(total)
    }
}

/// Everything at once, or project after project of a caller who is restricted to some: what others hold, of which there may
/// be any number, is not looked at.
fn parts(context: &Context) -> Vec<Option<String>> {
    match &context.allowed_projects {
        None => vec![None],
        Some(ids) => ids.iter().collect::<BTreeSet<_>>().into_iter().cloned().map(Some).collect(),
    }
}
