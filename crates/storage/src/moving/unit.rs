//! The tables that are moved, and in which order.

use super::cell::Cell;
use super::columns::{ColumnInfo, Columns};
use crate::schema;
use diesel::pg::{CopyFormat, PgConnection};
use diesel::prelude::*;
use std::io::Write;

/// A table of the file, and the table of the server to which its rows go.
#[derive(Debug)]
pub(super) struct Unit {
    /// The table of the file.
    pub(super) source: &'static str,
    /// The table of the server.
    pub(super) target: &'static str,
    /// The columns, of both.
    pub(super) columns: Vec<ColumnInfo>,
    /// The numbers by whose order the file has its rows: one or two.
    pub(super) order: &'static [&'static str],
    /// The number by which a row is named.
    pub(super) id: &'static str,
    /// The column that is set to the time of the moving where it is empty.
    pub(super) ends: Option<&'static str>,
    copy: fn(&mut PgConnection, &[u8]) -> QueryResult<usize>,
}

impl Unit {
    /// Appends rows in the binary format of `COPY` to the server's table.
    pub(super) fn append(&self, conn: &mut PgConnection, rows: &[u8]) -> QueryResult<usize> {
        (self.copy)(conn, rows)
    }

    /// The number by which a row is named.
    pub(super) fn id_of(&self, row: &[Cell]) -> i64 {
        let named = self.columns.iter().zip(row).find(|(column, _)| column.name == self.id);
        match named {
            Some((_, Cell::Number(id))) => *id,
            _ => i64::MIN,
        }
    }
}

macro_rules! unit {
    ($table:ident by $($order:ident)+) => {
        unit!($table to $table by $($order)+)
    };
    ($source:ident to $table:ident by $($order:ident)+) => {
        Unit {
            source: stringify!($source),
            target: stringify!($table),
            columns: <schema::$table::table as Table>::AllColumns::list(),
            order: &[$(stringify!($order)),+],
            id: last(&[$(stringify!($order)),+]),
            ends: None,
            copy: |conn, rows| {
                let all = schema::$table::table;
                let write = |to: &mut dyn Write| -> QueryResult<()> {
                    to.write_all(rows).map_err(|error| diesel::result::Error::SerializationError(error.into()))
                };
                diesel::copy_from(all).from_raw_data(all, write).with_format(CopyFormat::Binary).execute(conn)
            },
        }
    };
}

fn last(order: &[&'static str]) -> &'static str {
    order.last().copied().unwrap_or_default()
}

/// All of them. What others refer to comes first, and what a person looks at while it lasts is done early.
pub(super) fn all() -> Vec<Unit> {
    vec![
        Unit { ends: Some("ended_at"), ..unit!(epochs by epoch) },
        unit!(api_keys by key),
        unit!(sessions by key),
        unit!(setup_links by key),
        unit!(restores by key),
        unit!(webhooks by key),
        unit!(webhook_cursor by key),
        unit!(removed_webhooks by webhook_key),
        unit!(job_counters by key),
        unit!(run_counters by key),
        unit!(catalog_versions by key),
        unit!(projects by key),
        unit!(tags by key),
        unit!(settings by key),
        unit!(job_states by key),
        unit!(job_definitions by key),
        unit!(job_holds by key),
        unit!(job_tags by tag_key job_key),
        unit!(running_jobs by job_key),
        unit!(ended_jobs by scheduled_at job_key),
        unit!(busy_keys by job_key),
        unit!(arrivals by job_key),
        unit!(pending_jobs to arrivals by due_hour job_key),
        unit!(attempts by key),
        unit!(removed_output by execution_key),
        unit!(output_chunks by key),
        unit!(output_totals by key),
        unit!(events by sequence),
        unit!(chains by key),
        unit!(chain_executions by key),
        unit!(chain_execution_links by key),
        unit!(webhook_deliveries by key),
        unit!(audit_entries by key),
        unit!(idempotency_records by key),
    ]
}

/// Tables of the server that hold nothing of a file: leases of nodes, and events without a number.
const OF_NODES: [&str; 2] = ["roles", "new_events"];

/// The tables of the server that a node reads and writes.
pub(crate) fn tables() -> Vec<&'static str> {
    all().iter().map(|unit| unit.target).chain(OF_NODES).collect()
}

/// Tables of the moving itself.
#[cfg(test)]
const OF_MOVING: [&str; 2] = ["moving", "moving_tables"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_of_the_server_is_moved_or_named_as_one_that_is_not() {
        let mut tables = std::collections::BTreeSet::new();
        for migration in std::fs::read_dir("../../migrations/postgres").unwrap() {
            let text = std::fs::read_to_string(migration.unwrap().path().join("up.sql")).unwrap();
            let made = text.lines().filter_map(|line| line.strip_prefix("CREATE TABLE "));
            tables.extend(made.filter_map(|line| line.split_whitespace().next().map(str::to_owned)));
        }
        assert!(tables.contains("job_states"), "{tables:?}");
        let units = all();
        for table in tables {
            let is_moved = units.iter().any(|unit| unit.target == table);
            let is_not = OF_NODES.contains(&table.as_str()) || OF_MOVING.contains(&table.as_str());
            assert_ne!(is_moved, is_not, "{table}");
            assert_eq!(
                super::tables().contains(&table.as_str()),
                !OF_MOVING.contains(&table.as_str()),
                "{table}"
            );
        }
    }
}
