//! What is locked and read before requests run together.

use super::Live;
use super::wanted::Wanted;
use crate::catalog;
use crate::failure::WriteError;
use crate::idempotency::Records;
use crate::postgres::locks;
use crate::rows::job as job_rows;
use diesel::prelude::*;
use oneoff_domain::JobKey;
use std::collections::HashMap;
use std::sync::Arc;

impl Live {
    /// Locks and reads it, and sees to it that this node may claim and end attempts, and knows which projects are paused.
    pub(super) fn prepare(&mut self, epoch: i64, wanted: &Wanted) -> Result<(), WriteError> {
        if let (Records::OfServer(known), false) = (&mut self.records, wanted.hashes.is_empty()) {
            known.look_for(&mut self.conn, &wanted.hashes)?;
        }
        self.waiting = HashMap::new();
        if wanted.locks_nothing() {
            return Ok(());
        }
        // A node that was given up claims nothing and ends nothing: whoever gives it up waits for this transaction, or is
        // seen here. So is whoever pauses a project.
        let version = locks::epoch(&mut self.conn, epoch)?;
        self.holds_epoch = Some(version.is_some());
        if version > Some(self.catalog.version) {
            self.catalog = Arc::new(catalog::load(&mut self.conn)?);
            self.learned = Some(Arc::clone(&self.catalog));
        }
        if !wanted.running.is_empty() {
            self.know_running(&wanted.running)?;
        }
        if version.is_some() && !wanted.waiting.is_empty() {
            self.waiting = locks::waiting(&mut self.conn, &wanted.waiting)?;
        }
        Ok(())
    }

    /// Locks jobs that are to end, and brings what is remembered of them up to date.
    fn know_running(&mut self, keys: &[i64]) -> QueryResult<()> {
        let locked = locks::running(&mut self.conn, keys)?;
        let mut unknown = Vec::new();
        let mut known = HashMap::with_capacity(locked.len());
        for row in locked {
            let key = JobKey(row.job_key);
            let remembered =
                self.claimed.remove(&key).filter(|job| job.last_attempt_key == Some(row.execution_key));
            match remembered {
                Some(mut stored) => {
                    stored.job.state.cancel_requested = row.cancel_requested;
                    stored.job.state.version = row.version;
                    known.insert(key, stored);
                }
                None => unknown.push(row.job_key),
            }
        }
        keys.iter().for_each(|key| drop(self.claimed.remove(&JobKey(*key))));
        self.claimed.extend(known);
        for (key, stored) in job_rows::stored_by_keys(&mut self.conn, &unknown)? {
            // One that cannot be read is read again by who needs it, and refused there.
            self.claimed.extend(stored.ok().map(|stored| (JobKey(key), stored)));
        }
        Ok(())
    }
}
