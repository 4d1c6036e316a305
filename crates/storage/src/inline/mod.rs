//! Inline mode: the same store and the same SQL on the caller's thread, failing where it is told to.
//!
//! There is no writer thread and no pool. A write is committed when it is first polled, or, when commits are
//! left to the caller, by [`Inline::commit`], which takes as many of the waiting writes into one transaction as
//! it is told to. So a seed can decide what shares a commit, and nothing depends on threads or on real time.

mod consistency;
mod faults;
mod machine;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

pub use faults::{Failure, Faults, GroupFault, NoFaults};
pub use writer::{Commits, Inline};

pub(crate) use reader::InlineReader;
pub(crate) use writer::InlineWriter;

use crate::reader::Reader;
use crate::startup::{self, OpenDatabase};
use crate::store::{Inner, begin_epoch};
use crate::writer::Writer;
use crate::writer::group::{GroupWriter, Listener};
use crate::writer::tx::Node;
use crate::{OpenError, Store, StoreOptions};
use machine::PlannedMachine;
use oneoff_domain::Timestamp;
use std::sync::{Arc, Mutex, OnceLock};

impl Store {
    /// Opens the file as [`Store::open`] does, in inline mode.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_inline(
        options: StoreOptions,
        now: Timestamp,
        commits: Commits,
        faults: Arc<dyn Faults>,
    ) -> Result<(Store, Inline), OpenError> {
        let mut database = startup::open_locked(&options.path)?;
        startup::migrate(&mut database)?;
        let OpenDatabase { path, connector, mut conn, lock } = database;
        let failed = |error| startup::query_error(&path, error);
        conn.sqlite().and_then(machine::skip_syncs).map_err(failed)?;
        let epoch = begin_epoch(&mut conn, &options.node_name, now).map_err(failed)?;
        let node = Arc::new(Node::new(options.node_name, epoch, now));
        let listener: Listener = Arc::new(OnceLock::new());
        let reader = Reader::inline(InlineReader::new(connector.clone(), Arc::clone(&faults)), &connector);
        let machine = Arc::new(PlannedMachine::new(faults));
        let group =
            GroupWriter::new(connector, conn, Arc::clone(&node), Arc::clone(&listener), options.slow_commit);
        let group = group.map_err(failed)?.on(Arc::clone(&machine) as _);
        let commit_count = group.commits();
        let writer = InlineWriter::new(group, machine, options.max_waiting_writes, commits);
        let inline = Inline::new(writer.clone());
        let writer = Writer::inline(writer);
        let inner = Inner {
            path,
            node,
            listener,
            writer,
            reader,
            commits: commit_count,
            lock: Mutex::new(lock),
            server: None,
        };
        Ok((Store { inner: Arc::new(inner) }, inline))
    }
}
