//! Comparing both databases after the moving: how many rows each table has, how many jobs of each status there are, how
//! much output, and a checksum over all values of all rows.

use super::cell::{checksum, checksum_sql};
use super::error::MoveError;
use super::source::{START, SourceFile};
use super::target::Target;
use super::unit::Unit;
use super::{MoveProgress, Stage, StatusCount};
use std::collections::{BTreeMap, HashMap};

/// So many rows that differ are named.
const NAMED_MAX: usize = 10;
const SLICE_ROWS: i64 = 5_000;

/// What both databases must agree about beside their rows.
const BY_STATUS: &str = "SELECT status || ' ' || count(*) AS line FROM jobs GROUP BY status ORDER BY status";
const OUTPUT_BYTES: &str = "SELECT CAST(sum(length(bytes)) AS BIGINT) AS number FROM output_chunks";

/// The rows of a table together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Total {
    rows: i64,
    checksum: u128,
}

/// What was the same in both.
#[derive(Debug)]
pub(super) struct Compared {
    pub(super) rows: u64,
    pub(super) jobs: Vec<StatusCount>,
    pub(super) output_bytes: u64,
}

/// Compares a file with the database to which it was moved.
pub(super) struct Comparison<'a> {
    pub(super) source: &'a mut SourceFile,
    pub(super) target: &'a mut Target,
    pub(super) units: &'a [Unit],
    /// What has not ended in the file has ended at this time.
    pub(super) ended_at: i64,
    pub(super) progress: &'a mut dyn FnMut(MoveProgress),
}

impl Comparison<'_> {
    /// Compares everything.
    pub(super) fn run(mut self) -> Result<Compared, MoveError> {
        let mut differences = Vec::new();
        let jobs = self.by_status(&mut differences)?;
        let output_bytes = self.source.number(OUTPUT_BYTES)?;
        let moved_bytes = self.target.number(OUTPUT_BYTES)?;
        if output_bytes != moved_bytes {
            differences
                .push(format!("the file has {output_bytes} bytes of output, the server {moved_bytes}"));
        }
        let mut totals: BTreeMap<&str, Total> = BTreeMap::new();
        for unit in self.units {
            let total = self.total_of_file(unit)?;
            let sum = totals.entry(unit.target).or_default();
            sum.rows += total.rows;
            sum.checksum += total.checksum;
        }
        for (table, expected) in &totals {
            let found = self.total_of_server(table)?;
            if found != *expected {
                self.name_differences(table, *expected, found, &mut differences)?;
            }
        }
        if !differences.is_empty() {
            return Err(MoveError::Different { url: self.target.shown_url(), differences });
        }
        let rows = totals.values().map(|total| total.rows).sum();
        Ok(Compared { rows: positive(rows), jobs, output_bytes: positive(output_bytes) })
    }

    fn by_status(&mut self, differences: &mut Vec<String>) -> Result<Vec<StatusCount>, MoveError> {
        let of_file = self.source.lines(BY_STATUS)?;
        let of_server = self.target.lines(BY_STATUS)?;
        if of_file != of_server {
            let (file, server) = (of_file.join(", "), of_server.join(", "));
            differences.push(format!("the file has the jobs {file}; the server has {server}"));
        }
        let counts = of_file.iter().filter_map(|line| line.split_once(' '));
        let counts = counts.map(|(status, count)| StatusCount {
            status: status.to_owned(),
            jobs: count.parse().unwrap_or_default(),
        });
        Ok(counts.collect())
    }

    fn total_of_file(&mut self, unit: &Unit) -> Result<Total, MoveError> {
        let rows_total = positive(self.source.count(unit)?);
        let (mut total, mut after) = (Total::default(), START);
        loop {
            let slice = self.source.slice(unit, after, SLICE_ROWS, self.ended_at)?;
            for row in &slice.rows {
                total.rows += 1;
                total.checksum += u128::from(checksum(row));
            }
            let rows_done = positive(total.rows);
            let stage = Stage::Comparing;
            (self.progress)(MoveProgress { stage, table: unit.source, rows_done, rows_total });
            after = slice.last;
            if !slice.more {
                return Ok(total);
            }
        }
    }

    fn total_of_server(&mut self, table: &str) -> Result<Total, MoveError> {
        let Some(unit) = self.units.iter().find(|unit| unit.target == table) else {
            return Ok(Total::default());
        };
        let sum = checksum_sql(&unit.columns);
        let query = format!("SELECT count(*) || ' ' || coalesce(sum({sum}), 0) AS line FROM \"{table}\"");
        let lines = self.target.lines(&query)?;
        let found = lines.first().and_then(|line| line.split_once(' '));
        let (rows, checksum) = found.unwrap_or_default();
        Ok(Total { rows: rows.parse().unwrap_or(-1), checksum: checksum.parse().unwrap_or_default() })
    }

    /// Says which rows are missing or other ones, and how many are too many.
    fn name_differences(
        &mut self,
        table: &str,
        expected: Total,
        found: Total,
        differences: &mut Vec<String>,
    ) -> Result<(), MoveError> {
        let (mut named, mut present) = (Vec::new(), 0);
        for unit in self.units.iter().filter(|unit| unit.target == table) {
            let (mut after, mut more) = (START, true);
            while more && named.len() < NAMED_MAX {
                let slice = self.source.slice(unit, after, SLICE_ROWS, self.ended_at)?;
                (after, more) = (slice.last, slice.more);
                let rows: Vec<(i64, u64)> =
                    slice.rows.iter().map(|row| (unit.id_of(row), checksum(row))).collect();
                let ids: Vec<i64> = rows.iter().map(|(id, _)| *id).collect();
                let of_server = self.target.checksums(unit, &ids)?;
                let of_server: HashMap<i64, i64> =
                    of_server.into_iter().map(|row| (row.id, row.checksum)).collect();
                present += i64::try_from(of_server.len()).unwrap_or(i64::MAX);
                for (id, expected) in rows {
                    match of_server.get(&id) {
                        None => named.push(format!("{} {id} is missing", unit.id)),
                        Some(found) if u64::try_from(*found) != Ok(expected) => {
                            named.push(format!("{} {id} differs", unit.id));
                        }
                        Some(_) => {}
                    }
                }
            }
        }
        if found.rows > present && named.len() < NAMED_MAX {
            named.push(format!("{} rows are not of the file", found.rows - present));
        }
        named.truncate(NAMED_MAX);
        differences.push(format!(
            "{table} has {} rows in the file and {} on the server ({})",
            expected.rows,
            found.rows,
            named.join(", ")
        ));
        Ok(())
    }
}

/// A count, which is never negative.
pub(super) fn positive(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
