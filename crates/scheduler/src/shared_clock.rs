//! The clock where nodes share a database: this machine's, corrected by what it was measured to differ from the
//! database's. So all nodes judge by one time, whatever their machines say.

use oneoff_domain::{BootTime, Clock, Timestamp};
use oneoff_storage::Store;
use std::sync::Arc;

/// A clock that is corrected. Boot time is left as it is: durations are this machine's own.
pub(crate) struct SharedClock {
    local: Arc<dyn Clock>,
    store: Store,
}

impl SharedClock {
    /// By this machine's clock and what the store has measured.
    pub(crate) fn new(local: Arc<dyn Clock>, store: Store) -> Self {
        Self { local, store }
    }
}

impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        self.store.database_time(self.local.now())
    }

    fn boot_time(&self) -> BootTime {
        self.local.boot_time()
    }
}
