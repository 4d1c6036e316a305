//! Holding and releasing: what a hold makes of a job, and what is left when one ends.

use oneoff_domain::{EventKind, Hold, HoldReason, Job, Timestamp};
use oneoff_storage::{JobChange, Refusal};
use serde_json::{Map, json};

/// Adds a hold.
pub(crate) fn hold(job: &Job, hold: Hold) -> Result<JobChange, Refusal> {
    let mut event_data = Map::new();
    event_data.insert("reason".to_owned(), json!(hold.reason.as_str()));
    Ok(JobChange {
        state: job.state.hold(hold)?,
        definition: None,
        event: Some(EventKind::JobHeld),
        event_data,
        action: "job.hold",
        delete: false,
    })
}

/// Releases the hold of this reason.
pub(crate) fn release(job: &Job, reason: HoldReason) -> Result<JobChange, Refusal> {
    let mut event_data = Map::new();
    event_data.insert("reason".to_owned(), json!(reason.as_str()));
    Ok(JobChange {
        state: job.state.release(reason)?,
        definition: None,
        event: Some(EventKind::JobReleased),
        event_data,
        action: "job.release",
        delete: false,
    })
}

/// Releases the first hold that has ended by `now`.
pub(crate) fn ended(job: &Job, now: Timestamp) -> Result<JobChange, Refusal> {
    let ended = job.state.holds.iter().find(|hold| hold.until.is_some_and(|until| until <= now));
    match ended {
        Some(hold) => release(job, hold.reason),
        None => Err(Refusal::NotFound { kind: "hold", id: job.id.to_string() }),
    }
}
