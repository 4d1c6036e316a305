//! What the server says of itself, times, events, probes and this document.

use crate::error_table::ErrorCode::NotFound;
use crate::openapi::operation::{Content, Operation, shape, tagged};
use crate::routes::events;
use oneoff_api_types::{HealthView, ParsedTime, SystemStatusView, WorkerStatusView};

const STREAM: &str = "id: 42\nevent: job.completed\ndata: {\"sequence\":42,\"event\":\"job.completed\"}\n\n";

/// What the server says of itself, and times.
pub(crate) fn system() -> Vec<Operation> {
    tagged(
        "System",
        vec![
            Operation::get("/api/system/status", "getSystemStatus", "Answers the state of the whole")
                .tells::<SystemStatusView>("system_status"),
            Operation::get("/api/workers/status", "getWorkerStatus", "Answers the worker slots and the nodes")
                .tells::<WorkerStatusView>("worker_status"),
            Operation::get("/api/job-types", "listJobTypes", "Lists the job types")
                .answers(200, "Their names.", Content::Words("job_types"), &[]),
            Operation::get("/api/job-types/{type}/schema", "getJobTypeSchema", "Answers the schema of a job type's config")
                .more("JSON Schema 2020-12, with examples: what is valid by it is accepted as `config`.")
                .answers(200, "The schema.", Content::Json("application/schema+json", "job_type_schema"), &["ETag"])
                .answers(304, "It is still the one of `If-None-Match`.", Content::Nothing, &["ETag"])
                .reads(&["If-None-Match"]),
            Operation::post("/api/time/parse", "parseTime", "Says what a time expression means")
                .without_parameters()
                .needs(Some(crate::authorize::Scope::Read))
                .takes("ParseTime", &["parse_time"])
                .tells::<ParsedTime>("parsed_time"),
            Operation::get("/api/events", "streamEvents", "Streams events")
                .more(
                    "Server-sent events without an end. Each `data` is an `Event`; `reset` means that events were \
                     missed, and that what is shown must be loaded again.",
                )
                .query(events::PARAMETERS)
                .reads(&["Last-Event-ID"])
                .answers(200, "The stream.", Content::Text("text/event-stream", STREAM), &[]),
        ],
    )
}

/// Outside of `/api`.
pub(crate) fn outside() -> Vec<Operation> {
    let probe =
        |path, id, summary| Operation { is_probe: true, ..Operation::get(path, id, summary).needs(None) };
    let told = |operation: Operation| {
        let (well, failing) = (shape::<HealthView>(), shape::<HealthView>());
        operation.answers(200, "It is well, or degraded.", Content::Bare(well, "health_ok"), &[]).answers(
            503,
            "It fails.",
            Content::Bare(failing, "health_failing"),
            &[],
        )
    };
    let document = |path, id, summary| {
        Operation::get(path, id, summary)
            .needs(None)
            .answers(200, "The document.", Content::Json("application/json", "document"), &["ETag"])
            .answers(304, "It is still the one of `If-None-Match`.", Content::Nothing, &["ETag"])
            .reads(&["If-None-Match"])
    };
    tagged(
        "Operations",
        vec![
            probe("/health", "getHealth", "Whether the server works, as OneOff v1 tells it")
                .answers(200, "It works.", Content::Text("text/plain", "OK"), &[])
                .answers(
                    503,
                    "It does not.",
                    Content::Text("text/plain", "the database does not answer"),
                    &[],
                ),
            told(probe("/livez", "getLiveness", "Whether the process works at all")),
            told(probe("/readyz", "getReadiness", "Whether this node can do its work, part by part")),
            Operation::get("/metrics", "getMetrics", "Metrics in the Prometheus text format")
                .needs(None)
                .answers(200, "The metrics.", Content::Text("text/plain", "oneoff_workers_total 32\n"), &[])
                .refuses(&[NotFound]),
            document("/api/openapi.json", "getOpenApi", "This document in OpenAPI 3.0"),
            document("/api/openapi-3.1.json", "getOpenApi31", "This document in OpenAPI 3.1"),
            Operation::get("/docs", "getDocs", "This document to read and try out")
                .needs(None)
                .answers(200, "The page.", Content::Text("text/html", "<!doctype html>"), &["ETag"])
                .answers(304, "It is still the one of `If-None-Match`.", Content::Nothing, &["ETag"])
                .reads(&["If-None-Match"]),
        ],
    )
}
