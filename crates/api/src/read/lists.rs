//! The query parameters of the lists, as filters and pages of the store. Defaults are those of OneOff v1.

use crate::problem::ApiError;
use crate::read::fields::Field;
use crate::read::form::{Form, words};
use crate::read::query::QueryReader;
use oneoff_domain::limits::{CURSOR_MAX_CHARS, KEY_MAX_CHARS, PAGE_DEFAULT, PAGE_MAX, SEARCH_MAX_CHARS};
use oneoff_domain::{ChainId, ChainStatus, ExecutionStatus, JobStatus};
use oneoff_storage::{
    ChainExecutionFilter, ChainExecutionSort, ChainFilter, ChainSort, ExecutionFilter, ExecutionSort,
    JobFilter, JobSort, PageRequest, SortOrder,
};
use std::str::FromStr;

const OFFSET_MAX: i64 = 10_000;
const INSTANT: &str = "an instant such as 2026-12-01T09:00:00Z";
const LIMIT: Field =
    Field { name: "limit", allowed: "an integer from 1 to 200", form: Form::Integer(1, PAGE_MAX as i64) };
/// OneOff v1 pages by it.
const OFFSET: Field = Field {
    name: "offset",
    allowed: "an integer from 0 to 10000; beyond, follow next_cursor",
    form: Form::Integer(0, OFFSET_MAX),
};
const CURSOR: Field = Field {
    name: "cursor",
    allowed: "the next_cursor of the page before",
    form: Form::Text(1, CURSOR_MAX_CHARS),
};
const SORT_ORDER: Field =
    Field { name: "sort_order", allowed: "asc or desc", form: Form::Word(&["asc", "desc"]) };
const TOTAL: Field = Field { name: "total", allowed: "true or false", form: Form::Boolean };
const TAG_ID: Field = Field {
    name: "tag_id",
    allowed: "the id of a tag; several repeated or with commas, at most 32",
    form: Form::Texted(TAGS_MAX),
};
const PROJECT_ID: Field =
    Field { name: "project_id", allowed: "a project", form: Form::Text(1, KEY_MAX_CHARS) };

pub(crate) const JOB_PARAMETERS: &[Field] = &[
    Field {
        name: "status",
        allowed: "scheduled, running, held, completed, failed, cancelled or missed; several with commas",
        form: Form::List(|| words(JobStatus::ALL, JobStatus::as_str)),
    },
    Field { name: "type", allowed: "a job type", form: Form::Text(1, KEY_MAX_CHARS) },
    PROJECT_ID,
    Field {
        name: "external_id",
        allowed: "the client's own name of a job",
        form: Form::Text(1, KEY_MAX_CHARS),
    },
    Field { name: "search", allowed: "words, at most 256 characters", form: Form::Text(1, SEARCH_MAX_CHARS) },
    TAG_ID,
    Field { name: "time_from", allowed: INSTANT, form: Form::Instant },
    Field { name: "time_to", allowed: INSTANT, form: Form::Instant },
    LIMIT,
    OFFSET,
    CURSOR,
    Field {
        name: "sort_by",
        allowed: "scheduled_at, created_at or priority",
        form: Form::Word(&["scheduled_at", "created_at", "priority"]),
    },
    SORT_ORDER,
    TOTAL,
];

pub(crate) const EXECUTION_PARAMETERS: &[Field] = &[
    Field { name: "job_id", allowed: "the id of a job, a UUID", form: Form::Uuid },
    Field {
        name: "status",
        allowed: "running, completed, failed or cancelled; several with commas",
        form: Form::List(|| words(ExecutionStatus::ALL, ExecutionStatus::as_str)),
    },
    PROJECT_ID,
    TAG_ID,
    Field { name: "date_from", allowed: INSTANT, form: Form::Instant },
    Field { name: "date_to", allowed: INSTANT, form: Form::Instant },
    LIMIT,
    OFFSET,
    CURSOR,
    Field {
        name: "sort_by",
        allowed: "started_at or duration_ms",
        form: Form::Word(&["started_at", "duration_ms"]),
    },
    SORT_ORDER,
    TOTAL,
];

pub(crate) const CHAIN_PARAMETERS: &[Field] = &[
    PROJECT_ID,
    LIMIT,
    OFFSET,
    CURSOR,
    Field { name: "sort_by", allowed: "name", form: Form::Word(&["name"]) },
    SORT_ORDER,
    TOTAL,
];

pub(crate) const CHAIN_EXECUTION_PARAMETERS: &[Field] = &[
    Field { name: "chain_id", allowed: "the id of a chain, a UUID", form: Form::Uuid },
    Field {
        name: "status",
        allowed: "scheduled, running, completed, failed or cancelled; several with commas",
        form: Form::List(|| words(ChainStatus::ALL, ChainStatus::as_str)),
    },
    PROJECT_ID,
    LIMIT,
    OFFSET,
    CURSOR,
    Field { name: "sort_by", allowed: "created_at", form: Form::Word(&["created_at"]) },
    SORT_ORDER,
    TOTAL,
];

/// The same without the chain, which is in the path.
pub(crate) fn of_chain_parameters() -> Vec<Field> {
    CHAIN_EXECUTION_PARAMETERS.iter().copied().filter(|field| field.name != "chain_id").collect()
}

/// What a list is asked for.
#[derive(Debug)]
pub(crate) struct ListRequest<F, S> {
    pub(crate) filter: F,
    pub(crate) page: PageRequest<S>,
    /// Words that are searched for.
    pub(crate) search: Option<String>,
    /// Rows to skip.
    pub(crate) offset: u32,
}

pub(crate) const PLAIN_PARAMETERS: &[Field] = &[LIMIT, CURSOR];

/// A list that has neither filters nor an order to choose: its rows at most, and where it begins.
pub(crate) fn plain(query: &str) -> Result<(u32, Option<String>), ApiError> {
    let mut reader = QueryReader::new(query, PLAIN_PARAMETERS);
    let limit = reader.integer("limit", 1..=i64::from(PAGE_MAX)).and_then(|limit| u32::try_from(limit).ok());
    let cursor = reader.text("cursor");
    reader.finish()?;
    // OneOff v1 answers all of them.
    Ok((limit.unwrap_or(PAGE_MAX), cursor))
}

/// `GET /api/jobs` of somebody who sees these projects, or all.
///
/// As in OneOff v1 the total is told unasked, where it costs nothing or belongs to paging by `offset`: the number of
/// all jobs, or of those of a status, is counted with each commit.
pub(crate) fn jobs(
    query: &str,
    allowed_projects: Option<Vec<String>>,
) -> Result<ListRequest<JobFilter, JobSort>, ApiError> {
    let mut reader = QueryReader::new(query, JOB_PARAMETERS);
    let filter = JobFilter {
        statuses: reader.list("status"),
        job_type: reader.text("type"),
        project_id: reader.text("project_id"),
        external_id: reader.text("external_id"),
        tag_ids: tag_ids(&mut reader),
        scheduled_from: reader.instant("time_from"),
        scheduled_to: reader.instant("time_to"),
        allowed_projects,
    };
    let search = reader.text("search");
    let sort = reader.parsed::<JobSortName>("sort_by").map(|name| name.0);
    // The index of words has the latest job at hand, that of times the next one.
    let (sort, order) = match (sort, &search) {
        (None, Some(_)) => (JobSort::CreatedAt, SortOrder::Descending),
        (sort, _) => (sort.unwrap_or(JobSort::ScheduledAt), SortOrder::Ascending),
    };
    let mut page = page(&mut reader, sort, order);
    let by_status = JobFilter { statuses: filter.statuses.clone(), ..JobFilter::default() };
    let is_counted = filter == by_status && search.is_none() && page.cursor.is_none();
    page.with_total |= !reader.has("total") && (is_counted || reader.has("offset"));
    let offset = offset(&mut reader);
    reader.finish()?;
    Ok(ListRequest { filter, page, search, offset })
}

/// `GET /api/executions`.
pub(crate) fn executions(query: &str) -> Result<ListRequest<ExecutionFilter, ExecutionSort>, ApiError> {
    let mut reader = QueryReader::new(query, EXECUTION_PARAMETERS);
    let filter = ExecutionFilter {
        job_id: reader.parsed("job_id"),
        statuses: reader.list("status"),
        project_id: reader.text("project_id"),
        tag_ids: tag_ids(&mut reader),
        started_from: reader.instant("date_from"),
        started_to: reader.instant("date_to"),
        allowed_projects: None,
    };
    let sort = reader.parsed::<ExecutionSortName>("sort_by").map_or(ExecutionSort::StartedAt, |name| name.0);
    let page = page(&mut reader, sort, SortOrder::Descending);
    let offset = offset(&mut reader);
    reader.finish()?;
    Ok(ListRequest { filter, page, search: None, offset })
}

/// Tags that a list can be asked for.
const TAGS_MAX: usize = 32;

fn tag_ids(reader: &mut QueryReader) -> Vec<String> {
    let ids: Vec<String> = reader.list("tag_id");
    if ids.len() > TAGS_MAX || ids.iter().any(|id| id.chars().count() > KEY_MAX_CHARS) {
        reader.wrong("tag_id", "names too many tags, or something that is no id");
        return Vec::new();
    }
    ids
}

/// `GET /api/chains`. As in OneOff v1 the total is always told.
pub(crate) fn chains(query: &str) -> Result<ListRequest<ChainFilter, ChainSort>, ApiError> {
    let mut reader = QueryReader::new(query, CHAIN_PARAMETERS);
    let filter = ChainFilter { project_id: reader.text("project_id"), ..ChainFilter::default() };
    let sort = reader.parsed::<ChainSortName>("sort_by").map_or(ChainSort::Name, |name| name.0);
    let total = reader.has("total");
    let mut page = page(&mut reader, sort, SortOrder::Ascending);
    page.with_total |= !total;
    let offset = offset(&mut reader);
    reader.finish()?;
    Ok(ListRequest { filter, page, search: None, offset })
}

/// `GET /api/chain-executions`, and those `of` one chain.
pub(crate) fn chain_executions(
    query: &str,
    of: Option<ChainId>,
) -> Result<ListRequest<ChainExecutionFilter, ChainExecutionSort>, ApiError> {
    let mut reader = QueryReader::new(query, CHAIN_EXECUTION_PARAMETERS);
    let chain_id = reader.parsed("chain_id");
    if of.is_some() && reader.has("chain_id") {
        reader.wrong("chain_id", "is in the path already");
    }
    let filter = ChainExecutionFilter {
        chain_id: of.or(chain_id),
        statuses: reader.list("status"),
        project_id: reader.text("project_id"),
        ..ChainExecutionFilter::default()
    };
    let sort = reader.parsed::<ChainExecutionSortName>("sort_by");
    let sort = sort.map_or(ChainExecutionSort::CreatedAt, |name| name.0);
    let page = page(&mut reader, sort, SortOrder::Descending);
    let offset = offset(&mut reader);
    reader.finish()?;
    Ok(ListRequest { filter, page, search: None, offset })
}

fn page<S>(reader: &mut QueryReader, sort: S, default_order: SortOrder) -> PageRequest<S> {
    let limit = reader.integer("limit", 1..=i64::from(PAGE_MAX)).and_then(|limit| u32::try_from(limit).ok());
    PageRequest {
        sort,
        order: reader.parsed::<OrderName>("sort_order").map_or(default_order, |name| name.0),
        limit: limit.unwrap_or(PAGE_DEFAULT),
        cursor: reader.text("cursor"),
        with_total: reader.boolean("total").unwrap_or_default(),
    }
}

fn offset(reader: &mut QueryReader) -> u32 {
    let offset = reader.integer("offset", 0..=OFFSET_MAX).and_then(|offset| u32::try_from(offset).ok());
    let offset = offset.unwrap_or(0);
    if offset > 0 && reader.has("cursor") {
        reader.wrong("offset", "cannot be combined with `cursor`");
    }
    offset
}

/// Something that the wire names by a word.
macro_rules! word {
    ($name:ident($inner:ty) { $($text:literal => $value:expr),+ }) => {
        struct $name($inner);

        impl FromStr for $name {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text {
                    $($text => Ok(Self($value)),)+
                    _ => Err(()),
                }
            }
        }
    };
}

word!(JobSortName(JobSort) {
    "scheduled_at" => JobSort::ScheduledAt,
    "created_at" => JobSort::CreatedAt,
    "priority" => JobSort::Priority
});
word!(ExecutionSortName(ExecutionSort) {
    "started_at" => ExecutionSort::StartedAt,
    "duration_ms" => ExecutionSort::Duration
});
word!(ChainSortName(ChainSort) { "name" => ChainSort::Name });
word!(ChainExecutionSortName(ChainExecutionSort) { "created_at" => ChainExecutionSort::CreatedAt });
word!(OrderName(SortOrder) { "asc" => SortOrder::Ascending, "desc" => SortOrder::Descending });

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;
