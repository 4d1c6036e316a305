//! Pages of chains, by name, and of chain executions, by creation.

use super::{ChainExecutionFilter, ChainExecutionSort, ChainFilter, ChainSort};
use crate::connection::{AnyBackend, AnyConnection};
use crate::cursor::Position;
use crate::failure::WriteError;
use crate::lists::full_rows::Loaded;
use crate::lists::{COUNT_MAX, Listing, Wanted, page};
use crate::rows::chain::ChainRow;
use crate::rows::chain_execution as rows;
use crate::schema::{chain_executions, chains};
use crate::{PAGE_BYTES, Page, PageRequest, Refusal, SortOrder};
use diesel::prelude::*;
use oneoff_domain::limits::PAGE_MAX;
use oneoff_domain::{Chain, ChainExecution, FieldError, ValidationErrors};

/// Names the order of chains in cursors.
const BY_NAME: char = 'n';
/// Chains that are read at a time.
const CHUNK_ROWS: i64 = 16;

/// A page of chains. Each may be large, so a page ends early rather than take much memory.
pub(super) fn chains(
    conn: &mut AnyConnection,
    filter: &ChainFilter,
    request: &PageRequest<ChainSort>,
) -> Result<Page<Chain>, WriteError> {
    let ChainSort::Name = request.sort;
    let limit = usize::try_from(request.limit.clamp(1, PAGE_MAX)).unwrap_or(1);
    let mut after = request.cursor.as_deref().map(place).transpose()?;
    let (mut items, mut bytes, mut has_more) = (Vec::new(), 0, false);
    'read: loop {
        let rows = rows_after(conn, filter, request.order, after.as_ref())?;
        let is_last = rows.len() < usize::try_from(CHUNK_ROWS).unwrap_or(0);
        for row in rows {
            if items.len() == limit || bytes >= PAGE_BYTES {
                has_more = true;
                break 'read;
            }
            let (key, row_bytes) = (row.key, row.bytes());
            after = Some((row.name().to_owned(), key));
            match row.into_domain() {
                Ok(chain) => items.push(chain),
                Err(error) => {
                    tracing::error!(key, %error, "a chain is left out of a list: its row cannot be read");
                }
            }
            bytes += row_bytes;
        }
        if is_last {
            break;
        }
    }
    let total = if request.with_total { Some(count(conn, filter)?) } else { None };
    Ok(Page {
        items,
        next_cursor: after.filter(|_| has_more).map(|(name, key)| cursor_at(&name, key)),
        total: total.map(|total| total.min(COUNT_MAX)),
        total_is_estimate: total.is_some_and(|total| total > COUNT_MAX),
        bytes,
    })
}

/// The chains that the filter lets through.
macro_rules! filtered {
    ($query:expr, $filter:ident, $project:expr) => {{
        let mut query = $query;
        if let Some(project) = &$filter.project_id {
            query = query.filter($project.eq(project));
        }
        if let Some(allowed) = &$filter.allowed_projects {
            query = query.filter($project.eq_any(allowed));
        }
        query
    }};
}

fn rows_after(
    conn: &mut AnyConnection,
    filter: &ChainFilter,
    order: SortOrder,
    after: Option<&(String, i64)>,
) -> QueryResult<Vec<ChainRow>> {
    let all = chains::table.select(ChainRow::as_select()).into_boxed::<AnyBackend>();
    let mut query = filtered!(all, filter, chains::project_id);
    let (name, key) = (chains::name, chains::key);
    if let Some((last, last_key)) = after {
        query = match order {
            SortOrder::Ascending => query.filter(name.gt(last).or(name.eq(last).and(key.gt(*last_key)))),
            SortOrder::Descending => query.filter(name.lt(last).or(name.eq(last).and(key.lt(*last_key)))),
        };
    }
    let query = match order {
        SortOrder::Ascending => query.order((name.asc(), key.asc())),
        SortOrder::Descending => query.order((name.desc(), key.desc())),
    };
    query.limit(CHUNK_ROWS).load(conn)
}

fn count(conn: &mut AnyConnection, filter: &ChainFilter) -> QueryResult<u64> {
    let bound = i64::try_from(COUNT_MAX + 1).unwrap_or(i64::MAX);
    let all = chains::table.select(chains::key).into_boxed::<AnyBackend>();
    let keys: Vec<i64> = filtered!(all, filter, chains::project_id).limit(bound).load(conn)?;
    Ok(u64::try_from(keys.len()).unwrap_or(u64::MAX))
}

/// A place in the list: the key, and the name in hexadecimal digits.
fn cursor_at(name: &str, key: i64) -> String {
    let digits: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("{BY_NAME}{key:016x}{digits}")
}

fn place(text: &str) -> Result<(String, i64), Refusal> {
    read_place(text).ok_or_else(|| {
        let error = FieldError::new("cursor", "is not a cursor of this list")
            .with_hint("pass the `next_cursor` of the page before unchanged");
        Refusal::Invalid(ValidationErrors::one(error))
    })
}

fn read_place(text: &str) -> Option<(String, i64)> {
    let digits = text.strip_prefix(BY_NAME)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let (key, name) = digits.split_at_checked(16)?;
    let key = u64::from_str_radix(key, 16).ok()?.cast_signed();
    let pairs = name.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    let bytes: Option<Vec<u8>> = pairs.collect();
    Some((String::from_utf8(bytes?).ok()?, key))
}

#[derive(Debug, Queryable)]
struct NarrowRow {
    key: i64,
    project_id: String,
    status: String,
}

struct ExecutionListing {
    filter: ChainExecutionFilter,
    order: SortOrder,
}

impl Listing for ExecutionListing {
    type Row = NarrowRow;

    fn rows(
        &self,
        conn: &mut AnyConnection,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<NarrowRow>, WriteError> {
        let key = chain_executions::key;
        let mut rows = chain_executions::table
            .select((key, chain_executions::project_id, chain_executions::status))
            .into_boxed::<AnyBackend>();
        if let Some(chain) = &self.filter.chain_id {
            rows = rows.filter(chain_executions::chain_id.eq(chain.to_string()));
        }
        if let Some(Position { key: last, .. }) = after {
            rows = match self.order {
                SortOrder::Ascending => rows.filter(key.gt(last)),
                SortOrder::Descending => rows.filter(key.lt(last)),
            };
        }
        let rows = match self.order {
            SortOrder::Ascending => rows.order(key.asc()),
            SortOrder::Descending => rows.order(key.desc()),
        };
        Ok(rows.limit(i64::try_from(limit).unwrap_or(i64::MAX)).load(conn)?)
    }

    fn key(&self, row: &NarrowRow) -> i64 {
        row.key
    }

    fn position(&self, row: &NarrowRow) -> Position {
        Position { at: None, key: row.key }
    }

    fn matches(&self, row: &NarrowRow) -> bool {
        let ChainExecutionFilter { statuses, project_id, allowed_projects, .. } = &self.filter;
        (statuses.is_empty() || statuses.iter().any(|status| status.as_str() == row.status))
            && project_id.as_ref().is_none_or(|wanted| *wanted == row.project_id)
            && allowed_projects.as_ref().is_none_or(|allowed| allowed.contains(&row.project_id))
    }
}

/// A page of chain executions.
pub(super) fn executions(
    conn: &mut AnyConnection,
    filter: ChainExecutionFilter,
    request: &PageRequest<ChainExecutionSort>,
) -> Result<Page<ChainExecution>, WriteError> {
    let ChainExecutionSort::CreatedAt = request.sort;
    let wanted = Wanted {
        sort: 'x',
        cursor: request.cursor.as_deref(),
        limit: request.limit,
        with_total: request.with_total,
    };
    let listing = ExecutionListing { filter, order: request.order };
    let load = |conn: &mut AnyConnection, keys: &[i64]| Ok(Loaded::small(rows::by_keys(conn, keys)?, keys));
    page(conn, &listing, &wanted, None, load)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_of_chains_is_read_as_it_was_written() {
        for (name, key) in [("", 1), ("a", -1), ("Grüße 🌍", i64::MAX)] {
            assert_eq!(place(&cursor_at(name, key)).unwrap(), (name.to_owned(), key));
        }
        let odd = format!("n{:016x}6", 1);
        for text in
            ["", "n", "n12", "x0000000000000001", "n000000000000000g", "n0000000000000001ff", &odd, "nü"]
        {
            assert!(place(text).is_err(), "{text}");
        }
        assert!(crate::cursor::decode('x', &cursor_at("a", 1)).is_err());
    }
}
