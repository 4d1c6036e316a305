//! What a database is filled with, in the order in which the jobs are created.

use crate::fill::{due, history, jobs, store};
use crate::measure::build;
use oneoff_domain::{Clock, Timestamp};
use oneoff_scheduler::SystemClock;
use oneoff_storage::Store;

/// What a database is filled with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content {
    /// Jobs that are due within the coming 30 days, in no order.
    Pending { jobs: u64 },
    /// The same, and among them jobs of the type `noop` that are due already, in no order either.
    Mixed { pending: u64, due: u64 },
    /// The same in order: first what waits, then what is due, all at one instant.
    Ordered { pending: u64, due: u64 },
    /// Jobs of which some wait and the others have ended, after executions of this number in all.
    History { jobs: u64, executions: u64 },
}

impl Content {
    /// The name under which it is kept.
    pub(crate) fn file_name(self) -> String {
        let content = match self {
            Self::Pending { jobs } => format!("pending-{jobs}"),
            Self::Mixed { pending, due } => format!("mixed-{pending}-{due}"),
            Self::Ordered { pending, due } => format!("ordered-{pending}-{due}"),
            Self::History { jobs, executions } => format!("history-{jobs}-{executions}"),
        };
        format!("{content}-{}.db", build::SCHEMA)
    }

    pub(crate) async fn fill(self, store: &Store) -> anyhow::Result<()> {
        let now = SystemClock.now();
        match self {
            Self::Pending { jobs } => store::fill(store, due::ahead(now, jobs).map(jobs::waiting)).await,
            Self::Mixed { pending, due } => {
                let mixed = due::mixed(now, pending, due);
                let job = |(at, is_due)| if is_due { jobs::noop(at) } else { jobs::waiting(at) };
                store::fill(store, mixed.map(job)).await
            }
            Self::Ordered { pending, due } => {
                store::fill(store, due::ahead(now, pending).map(jobs::waiting)).await?;
                let due: usize = due.try_into()?;
                store::fill(store, std::iter::repeat_n::<Timestamp>(now, due).map(jobs::noop)).await
            }
            Self::History { jobs, executions } => history::fill(store, now, jobs, executions).await,
        }
    }
}
