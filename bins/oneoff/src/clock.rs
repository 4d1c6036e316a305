//! The wall clock of this machine, for "in 2 h" in what people read. No decision depends on it.

use oneoff_domain::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The present.
#[expect(
    clippy::disallowed_methods,
    reason = "the binary is where the clock is read; only display depends on it"
)]
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::EPOCH.saturating_add(since_epoch)
}
