//! What a group counts: jobs by status, bytes of output and runs, each in a row that few others write.

use super::Live;
use crate::run_counters::AddRuns;
use crate::statement;
use crate::writer::tx::{Effects, Node};
use diesel::prelude::*;

impl Live {
    pub(super) fn gather_counts(&mut self, node: &Node, effects: &Effects) -> QueryResult<()> {
        let shard = self.shards.of(node.epoch());
        for (status, difference) in effects.counts.iter().filter(|(_, difference)| **difference != 0) {
            let values = [status.as_str().into(), shard.into(), (*difference).into()];
            self.gathered.add::<AddToCounter>(&values)?;
        }
        if effects.output_bytes != 0 {
            self.gathered.add::<AddToOutput>(&[shard.into(), effects.output_bytes.into()])?;
        }
        for row in effects.runs.rows(shard) {
            self.gathered.add::<AddRuns>(&row.values())?;
        }
        Ok(())
    }

    pub(super) fn count(&mut self, node: &Node, effects: &Effects) -> QueryResult<()> {
        self.gather_counts(node, effects)?;
        self.gathered.write(&mut self.conn).inspect_err(|_error| self.shards.avoid())
    }
}

statement::statement!(
    AddToCounter,
    "INSERT INTO job_counters (status, shard, jobs) VALUES (?, ?, ?) \
     ON CONFLICT (status, shard) DO UPDATE SET jobs = job_counters.jobs + excluded.jobs"
);
statement::statement!(
    AddToOutput,
    "INSERT INTO output_totals (key, bytes) VALUES (?, ?) \
     ON CONFLICT (key) DO UPDATE SET bytes = output_totals.bytes + excluded.bytes"
);
