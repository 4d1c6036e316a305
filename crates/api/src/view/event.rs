//! Events on the wire.

use oneoff_api_types::EventView;
use oneoff_domain::Event;

/// An event as the stream sends it.
pub(crate) fn event(event: Event) -> EventView {
    let Event { sequence, at, event } = event;
    EventView {
        sequence,
        event: event.kind.to_string(),
        at: at.to_string(),
        job_id: event.job_id.map(|id| id.to_string()),
        execution_id: event.execution_id.map(|id| id.to_string()),
        project_id: event.project_id,
        data: event.data,
    }
}
