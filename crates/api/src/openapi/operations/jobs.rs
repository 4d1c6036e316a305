//! Jobs, their executions and output.

use crate::bulk_caller;
use crate::error_table::ErrorCode::{Duplicate, IllegalState};
use crate::openapi::operation::{Content, Operation, shape, tagged};
use crate::read::lists;
use crate::routes::{jobs, output};
use oneoff_api_types::{ActedJob, ExecutionView, JobView, JobsCreated, OutputView, ReleasedJobs};

/// `/api/jobs`.
pub(crate) fn jobs() -> Vec<Operation> {
    let many = shape::<JobsCreated>();
    tagged(
        "Jobs",
        vec![
            Operation::get("/api/jobs", "listJobs", "Lists jobs")
                .query(lists::JOB_PARAMETERS)
                .lists::<JobView>("job"),
            Operation::post("/api/jobs", "createJob", "Creates a job")
                .more("When this is answered, the job is on stable storage.")
                .takes("CreateJob", &["create_http_job", "create_shell_job", "create_job_v1"])
                .makes::<JobView>("job")
                .refuses(&[Duplicate, IllegalState]),
            Operation::post("/api/jobs/bulk", "createJobs", "Creates up to 10,000 jobs in one request")
                .query(bulk_caller::PARAMETERS)
                .takes("CreateJobs", &["create_jobs"])
                .answers(
                    201,
                    "All of them were created.",
                    Content::Data(many, "jobs_created"),
                    &["Idempotency-Replayed"],
                )
                .answers(
                    200,
                    "With `dry_run`: what would be created.",
                    Content::Data(many, "jobs_created"),
                    &[],
                )
                .answers(
                    207,
                    "With `atomic: false`: some of them were not created, each with its problem.",
                    Content::Data(many, "jobs_created_in_part"),
                    &["Idempotency-Replayed", "Retry-After"],
                )
                .refuses(&[Duplicate, IllegalState]),
            Operation::post(
                "/api/jobs/release",
                "releaseJobs",
                "Releases all jobs that are held for a reason",
            )
            .takes("ReleaseJobs", &["release_jobs"])
            .each_time()
            .tells::<ReleasedJobs>("released_jobs"),
            Operation::get("/api/jobs/{id}", "getJob", "Answers a job")
                .more("With `wait`, once it has ended or the time is over, with its present state.")
                .query(jobs::GET_PARAMETERS)
                .tells_record::<JobView>("job"),
            Operation::patch("/api/jobs/{id}", "updateJob", "Edits a job that has not started")
                .more("A JSON merge patch (RFC 7396): what is absent stays, null goes back to the default.")
                .takes("UpdateJob", &["update_job"])
                .changes::<JobView>("job")
                .refuses(&[Duplicate, IllegalState]),
            Operation::delete("/api/jobs/{id}", "deleteJob", "Deletes a job and its executions")
                .removes::<JobView>("job")
                .refuses(&[IllegalState]),
            Operation::post(
                "/api/jobs/{id}/execute",
                "executeJob",
                "Starts a job now, also one that is over",
            )
            .with_condition()
            .changes::<ActedJob>("acted_job")
            .refuses(&[IllegalState])
            .may_take("Nothing", &["nothing"]),
            Operation::post("/api/jobs/{id}/clone", "cloneJob", "Creates a job like this one")
                .takes("CloneJob", &["clone_job"])
                .makes::<JobView>("job")
                .refuses(&[Duplicate, IllegalState]),
            Operation::post("/api/jobs/{id}/cancel", "cancelJob", "Cancels a job; one that runs is ended")
                .with_condition()
                .changes::<ActedJob>("acted_job")
                .refuses(&[IllegalState])
                .more("Answers when the attempt is over, or after five seconds.")
                .may_take("Nothing", &["nothing"]),
            action("/api/jobs/{id}/hold", "holdJob", "Holds a job, so that it does not start")
                .may_take("HoldJob", &["hold_job"]),
            action("/api/jobs/{id}/release", "releaseJob", "Takes a hold away")
                .may_take("ReleaseJob", &["release_job"]),
        ],
    )
}

fn action(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::post(path, id, summary).with_condition().changes::<JobView>("job").refuses(&[IllegalState])
}

/// `/api/executions`.
pub(crate) fn executions() -> Vec<Operation> {
    tagged(
        "Executions",
        vec![
            Operation::get("/api/executions", "listExecutions", "Lists executions")
                .query(lists::EXECUTION_PARAMETERS)
                .lists::<ExecutionView>("execution"),
            Operation::get("/api/executions/{id}", "getExecution", "Answers an execution with its output")
                .tells::<ExecutionView>("execution_with_output"),
            Operation::get("/api/executions/{id}/output", "getOutput", "Answers output by offset")
                .more(
                    "As pieces in JSON, or with `Accept: text/plain` as the bytes that were written: all that is \
                     kept, unless `limit_bytes` bounds it.",
                )
                .query(output::PARAMETERS)
                .reads(&["Accept"])
                .answers(
                    200,
                    "The output.",
                    Content::Data(shape::<OutputView>(), "output"),
                    &["X-Total-Bytes", "X-Next-Offset"],
                )
                .answers(200, "", Content::Text("text/plain", "done\n"), &[]),
        ],
    )
}
