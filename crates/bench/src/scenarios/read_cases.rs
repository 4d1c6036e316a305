//! What is read of a large database: each case makes up one request after the other.

use crate::fill::due::{one_ahead, one_past};
use crate::fill::jobs::{customer, external_id, word};
use crate::random::Numbers;
use oneoff_domain::Timestamp;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// What requests are made up from.
pub(crate) struct Samples {
    pub(crate) now: Timestamp,
    /// How many jobs there are.
    pub(crate) jobs: u64,
    pub(crate) job_ids: Vec<String>,
    pub(crate) execution_ids: Vec<String>,
    /// Cursors of lists of jobs by default.
    pub(crate) cursors: Vec<String>,
}

impl Samples {
    fn job(&self, numbers: &mut Numbers) -> &str {
        one_of(&self.job_ids, numbers)
    }

    fn execution(&self, numbers: &mut Numbers) -> &str {
        one_of(&self.execution_ids, numbers)
    }

    fn cursor(&self, numbers: &mut Numbers) -> &str {
        one_of(&self.cursors, numbers)
    }
}

fn one_of<'a>(values: &'a [String], numbers: &mut Numbers) -> &'a str {
    let place = usize::try_from(numbers.below(values.len() as u64)).unwrap_or(0);
    values.get(place).map(String::as_str).unwrap_or_default()
}

/// A kind of request.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Served from an index. The others look at a bounded number of rows and answer a part with a cursor.
    pub(crate) is_served: bool,
    /// The path of the next request.
    pub(crate) path: fn(&Samples, &mut Numbers) -> String,
}

const fn served(name: &'static str, path: fn(&Samples, &mut Numbers) -> String) -> Case {
    Case { name, is_served: true, path }
}

const fn bounded(name: &'static str, path: fn(&Samples, &mut Numbers) -> String) -> Case {
    Case { name, is_served: false, path }
}

/// Every case. Served are the pairs of filter and order that `docs/api.md` names as having an index.
pub(crate) const CASES: &[Case] = &[
    served("jobs", |_, _| "/api/jobs".to_owned()),
    served("jobs_next_page", |samples, numbers| format!("/api/jobs?cursor={}", samples.cursor(numbers))),
    served("jobs_latest_created", |_, _| "/api/jobs?sort_by=created_at&sort_order=desc".to_owned()),
    served("jobs_by_status_scheduled", |_, _| "/api/jobs?status=scheduled".to_owned()),
    served("jobs_by_status_failed", |_, _| "/api/jobs?status=failed".to_owned()),
    served("jobs_by_two_statuses", |_, _| "/api/jobs?status=scheduled,failed".to_owned()),
    served("jobs_by_external_id", |samples, numbers| {
        format!("/api/jobs?external_id={}", external_id(numbers.below(samples.jobs)))
    }),
    served("jobs_by_window", |samples, numbers| {
        let from = any_time(samples, numbers);
        format!("/api/jobs?time_from={from}&time_to={}", from.saturating_add(HOUR))
    }),
    served("jobs_by_status_and_window", |samples, numbers| {
        let from = one_ahead(samples.now, numbers);
        format!("/api/jobs?status=scheduled&time_from={from}&time_to={}", from.saturating_add(HOUR))
    }),
    served("executions", |_, _| "/api/executions".to_owned()),
    served("executions_running", |_, _| "/api/executions?status=running".to_owned()),
    served("executions_of_job", |samples, numbers| {
        format!("/api/executions?job_id={}", samples.job(numbers))
    }),
    served("executions_by_window", |samples, numbers| {
        let from = one_past(samples.now, numbers);
        format!("/api/executions?date_from={from}&date_to={}", from.saturating_add(HOUR))
    }),
    served("job", |samples, numbers| format!("/api/jobs/{}", samples.job(numbers))),
    served("execution", |samples, numbers| format!("/api/executions/{}", samples.execution(numbers))),
    served("search_one", |samples, numbers| {
        format!("/api/jobs?search={}", customer(numbers.below(samples.jobs)))
    }),
    served("search_many", |_, numbers| format!("/api/jobs?search={}", word(numbers))),
    served("search_two_words", |_, numbers| {
        format!("/api/jobs?search={}%20{}", word(numbers), word(numbers))
    }),
    served("search_nothing", |_, _| "/api/jobs?search=nobodywrotethis".to_owned()),
    served("counters", |_, _| "/api/system/status".to_owned()),
    bounded("jobs_by_status_completed", |_, _| "/api/jobs?status=completed&sort_order=desc".to_owned()),
    bounded("jobs_by_rare_type", |_, _| "/api/jobs?type=shell".to_owned()),
    bounded("jobs_by_unknown_project", |_, _| "/api/jobs?project_id=nowhere".to_owned()),
    bounded("executions_by_status_cancelled", |_, _| "/api/executions?status=cancelled".to_owned()),
];

fn any_time(samples: &Samples, numbers: &mut Numbers) -> Timestamp {
    match numbers.below(2) {
        0 => one_past(samples.now, numbers),
        _ => one_ahead(samples.now, numbers),
    }
}
