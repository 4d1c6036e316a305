//! Turns to read pages: each may be some megabytes, so few are read at the same time.

use crate::error_table::ErrorCode;
use crate::problem::ApiError;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Pages that are read at the same time.
const TOGETHER: usize = 8;
/// How long a page waits for its turn.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// The turns that there are.
pub(crate) struct PageTurns(Semaphore);

/// A turn, given back when it is dropped.
pub(crate) type PageTurn<'a> = SemaphorePermit<'a>;

impl PageTurns {
    /// The usual number of them.
    pub(crate) fn usual() -> Self {
        Self::of(TOGETHER)
    }

    /// So many.
    pub(crate) fn of(together: usize) -> Self {
        Self(Semaphore::new(together))
    }

    /// A turn to read a page. Who writes it out without waiting for anything needs none for that.
    ///
    /// # Errors
    /// Too many are asked for.
    pub(crate) async fn take(&self) -> Result<PageTurn<'_>, ApiError> {
        self.take_within(WAIT_MAX).await.ok_or_else(|| {
            let detail = "too many lists are waiting: try again in a moment";
            ApiError::new(ErrorCode::Overloaded, detail).with_retry_after(1)
        })
    }

    /// A turn, if there is one within this time.
    pub(crate) async fn take_within(&self, time: Duration) -> Option<PageTurn<'_>> {
        tokio::time::timeout(time, self.0.acquire()).await.ok()?.ok()
    }
}
