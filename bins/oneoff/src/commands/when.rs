//! When a job runs, in words for the line that says what was done.

use crate::clock;
use crate::output::echo;
use oneoff_api_types::JobView;

/// When the job runs, in its own zone and as seen from its latest change: `in 2h` is then `in 2 h` and not a second
/// less.
pub(crate) fn when(job: &JobView) -> String {
    let now = job.updated_at.parse().unwrap_or_else(|_not_an_instant| clock::now());
    let time = match job.scheduled_at.as_deref().map(str::parse) {
        Some(Ok(instant)) => echo(instant, &job.timezone, now),
        _ => "it has no time".to_owned(),
    };
    let held = if job.status == "held" { " (held until it is released)" } else { "" };
    format!("{time}{held}")
}
