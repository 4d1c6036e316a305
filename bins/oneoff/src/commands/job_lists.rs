//! Reading jobs: one, many, and what is due next.

use crate::args::{GetArgs, JobListArgs, QueueArgs};
use crate::commands::{Outcome, Session, ending};
use crate::exit::Exit;
use crate::failure::Failure;
use oneoff_client::{JobQuery, PageQuery, Pages};
use oneoff_domain::limits::PAGE_MAX;

use crate::output::Row;

/// `oneoff q`.
pub(crate) async fn queue(session: &Session, args: QueueArgs) -> Outcome {
    let query = JobQuery {
        statuses: ["scheduled", "running", "held"].map(str::to_owned).to_vec(),
        sort_by: Some("scheduled_at".to_owned()),
        sort_order: Some("asc".to_owned()),
        ..JobQuery::default()
    };
    let wanted = (!args.all).then_some(args.limit);
    let query = JobQuery { limit: Some(page_rows(wanted)), ..query };
    print_pages(session, session.client.all_jobs(query), wanted, "nothing is due").await
}

/// `oneoff jobs list`.
pub(crate) async fn list(session: &Session, args: JobListArgs) -> Outcome {
    let wanted = (!args.all).then_some(args.limit);
    let (sort_by, sort_order) = match args.sort.strip_prefix('-') {
        Some(field) => (field, "desc"),
        None => (args.sort.as_str(), "asc"),
    };
    let query = JobQuery {
        statuses: args.statuses.iter().map(ToString::to_string).collect(),
        job_type: args.job_type,
        project_id: args.project,
        external_id: args.external_id,
        search: args.search,
        tag_ids: Vec::new(),
        sort_by: Some(sort_by.to_owned()),
        sort_order: Some(sort_order.to_owned()),
        limit: Some(page_rows(wanted)),
        cursor: None,
    };
    print_pages(session, session.client.all_jobs(query), wanted, "no jobs").await
}

/// `oneoff jobs get`.
pub(crate) async fn get(session: &Session, args: GetArgs) -> Outcome {
    let id = args.id.to_string();
    if args.wait {
        return ending::wait(session, &id, &args.plain).await;
    }
    session.console.printer.one(&session.client.job(&id).await?)?;
    Ok(Exit::Ok)
}

/// The rows of a page for so many rows in all.
pub(crate) fn page_rows(wanted: Option<u32>) -> u32 {
    wanted.map_or(PAGE_MAX, |wanted| wanted.min(PAGE_MAX))
}

/// Prints pages as they come until there are enough rows.
pub(crate) async fn print_pages<Q>(
    session: &Session,
    mut pages: Pages<Q>,
    wanted: Option<u32>,
    none: &str,
) -> Outcome
where
    Q: PageQuery,
    Q::Row: Row,
{
    let mut left = wanted.map_or(usize::MAX, |wanted| usize::try_from(wanted).unwrap_or(usize::MAX));
    let mut list = session.console.printer.list::<Q::Row>();
    let mut has_more = false;
    while left > 0 {
        let Some(mut rows) = next_page(&mut pages).await? else { break };
        has_more = pages.has_more() || rows.len() > left;
        rows.truncate(left);
        left -= rows.len();
        list.page(&rows)?;
    }
    let rows = list.end()?;
    if rows == 0 {
        session.console.notes.say(none);
    } else if has_more {
        session.console.notes.say(&format!("{rows} shown, there are more: --limit N or --all"));
    }
    Ok(Exit::Ok)
}

async fn next_page<Q: PageQuery>(pages: &mut Pages<Q>) -> Result<Option<Vec<Q::Row>>, Failure> {
    Ok(pages.next().await?)
}
