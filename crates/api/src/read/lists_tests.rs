//! Lists: what their parameters say, and which are refused.

use super::*;
use oneoff_domain::{ExecutionStatus, JobStatus};

#[test]
fn without_parameters_the_defaults_of_v1_hold() {
    let ListRequest { filter, page, search, offset } = jobs("", None).unwrap();
    assert_eq!((offset, search), (0, None));
    assert_eq!(filter, JobFilter::default());
    let expected = PageRequest {
        sort: JobSort::ScheduledAt,
        order: SortOrder::Ascending,
        limit: 50,
        cursor: None,
        with_total: true,
    };
    assert_eq!(page, expected);
    let ListRequest { filter, page, .. } = executions("").unwrap();
    assert_eq!(filter, ExecutionFilter::default());
    assert_eq!((page.sort, page.order), (ExecutionSort::StartedAt, SortOrder::Descending));
}

#[test]
fn every_parameter_arrives() {
    let query = "status=held&type=http&project_id=p&external_id=e&time_from=2026-01-01T00:00:00Z\
                 &time_to=2026-01-02T00:00:00Z&limit=200&cursor=c&sort_by=created_at&sort_order=desc&total=true";
    let ListRequest { filter, page, .. } = jobs(query, None).unwrap();
    assert_eq!(filter.statuses, [JobStatus::Held]);
    assert_eq!((filter.job_type.as_deref(), filter.project_id.as_deref()), (Some("http"), Some("p")));
    assert_eq!(filter.external_id.as_deref(), Some("e"));
    assert!(filter.scheduled_from < filter.scheduled_to);
    assert_eq!((page.sort, page.order, page.limit), (JobSort::CreatedAt, SortOrder::Descending, 200));
    assert_eq!((page.cursor.as_deref(), page.with_total), (Some("c"), true));

    let query = "job_id=0193f0c27a7b7c3e9d543f1c2b6a9e10&status=failed,running&date_from=2026-01-01T00:00:00Z\
                 &offset=10000";
    let ListRequest { filter, offset, .. } = executions(query).unwrap();
    assert_eq!(offset, 10_000);
    assert_eq!(filter.statuses, [ExecutionStatus::Failed, ExecutionStatus::Running]);
    assert!(filter.job_id.is_some() && filter.started_from.is_some());
}

#[test]
fn the_total_is_told_unasked_where_it_is_counted_anyway() {
    for (query, is_told) in [
        ("", true),
        ("status=held", true),
        ("status=held&total=false", false),
        ("cursor=c", false),
        ("project_id=p", false),
        ("search=a", false),
        ("project_id=p&offset=0", true),
        ("project_id=p&total=true", true),
    ] {
        assert_eq!(jobs(query, None).unwrap().page.with_total, is_told, "{query}");
    }
    assert!(!jobs("", Some(vec!["p".to_owned()])).unwrap().page.with_total);
}

#[test]
fn a_search_begins_with_the_latest_job_unless_another_order_is_asked_for() {
    let latest = (JobSort::CreatedAt, SortOrder::Descending);
    let next = (JobSort::ScheduledAt, SortOrder::Ascending);
    for (query, order) in [
        ("search=a%20b", latest),
        ("search=a+b&sort_order=asc", (JobSort::CreatedAt, SortOrder::Ascending)),
        ("search=a+b&sort_by=scheduled_at", next),
        ("search=a+b&sort_by=created_at&sort_order=desc", latest),
    ] {
        let ListRequest { page, search, .. } = jobs(query, None).unwrap();
        assert_eq!((search.as_deref(), (page.sort, page.order)), (Some("a b"), order), "{query}");
    }
    for query in ["search=", "search", "search=a&search=b"] {
        assert!(jobs(query, None).is_err(), "{query}");
    }
    assert!(executions("search=a").is_err());
}

#[test]
fn each_wrong_parameter_is_told_with_the_allowed_values() {
    for (query, allowed) in [
        ("status=null", "scheduled, running"),
        ("limit=201", "1 to 200"),
        ("limit=0", "1 to 200"),
        ("sort_by=name", "scheduled_at, created_at or priority"),
        ("sort_by=name;drop table", "scheduled_at, created_at or priority"),
        ("sort_order=up", "asc or desc"),
        ("total=maybe", "true or false"),
        ("offset=10001", "next_cursor"),
        ("offset=1&cursor=c", "cannot be combined"),
        ("time_from=today", "2026-12-01T09:00:00Z"),
        ("time_too=2026-01-01T00:00:00Z", "time_to"),
    ] {
        let error = jobs(query, None).unwrap_err().to_string();
        assert!(error.contains(allowed), "{query}: {error}");
    }
    for (query, allowed) in
        [("job_id=7", "a UUID"), ("sort_by=duration", "started_at"), ("status=held", "running")]
    {
        let error = executions(query).unwrap_err().to_string();
        assert!(error.contains(allowed), "{query}: {error}");
    }
}
