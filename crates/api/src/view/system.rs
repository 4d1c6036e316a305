//! The server's own state on the wire.

use crate::settings::ApiSettings;
use oneoff_api_types::{NodeView, RunningJobView, SpaceView, SystemStatusView, WorkerStatusView};
use oneoff_domain::{JobStatus, Timestamp};
use oneoff_scheduler::{NodeHealth, NodeStatus, RunningJob, SystemStatus, WorkerStatus};
use oneoff_storage::Space;

/// The state of the whole.
pub(crate) fn system_status(
    status: SystemStatus,
    now: Timestamp,
    settings: &ApiSettings,
) -> SystemStatusView {
    let count = |wanted: JobStatus| status.jobs.get(&wanted).copied().unwrap_or(0);
    let jobs = JobStatus::ALL.iter().map(|status| (status.to_string(), count(*status))).collect();
    SystemStatusView {
        total_scheduled: count(JobStatus::Scheduled),
        currently_running: count(JobStatus::Running),
        completed_today: status.runs.completed_today,
        failed_recent: status.runs.failed_recent,
        avg_duration_ms: status.runs.avg_duration_us / 1_000.0,
        queue_depth: status.workers.queued_jobs.try_into().unwrap_or(u64::MAX),
        jobs,
        next_due_at: status.next_due_at.map(|at| at.to_string()),
        version: settings.version.clone(),
        commit: settings.commit.clone(),
        environment: settings.environment.clone(),
        started_at: status.started_at.unwrap_or(now).to_string(),
        now: status.now.unwrap_or(now).to_string(),
        database: status.database,
        space: space(status.space),
        default_timezone: status.default_timezone,
    }
}

fn space(space: Space) -> SpaceView {
    let Space { database_bytes, free_bytes, wal_bytes, output_bytes } = space;
    SpaceView { database_bytes, free_bytes, wal_bytes, output_bytes }
}

/// The worker slots and the nodes.
pub(crate) fn worker_status(status: WorkerStatus, nodes: Vec<NodeStatus>) -> WorkerStatusView {
    WorkerStatusView {
        total_workers: status.total_workers,
        active_workers: status.active_workers,
        available_workers: status.total_workers.saturating_sub(status.active_workers),
        queued_jobs: status.queued_jobs,
        running_jobs: status.running.iter().map(|job| job.job_id.to_string()).collect(),
        running: status.running.into_iter().map(running_job).collect(),
        paused: status.paused,
        nodes: nodes.into_iter().map(node).collect(),
    }
}

fn node(NodeStatus { info, health }: NodeStatus) -> NodeView {
    NodeView {
        id: info.node_id,
        epoch: info.epoch,
        health: health.as_str().to_owned(),
        slots: info.slots,
        // What a node ran that is gone is others' by now.
        running: info.running.filter(|_| health != NodeHealth::Gone),
        version: info.version,
        started_at: info.started_at.to_string(),
        last_seen_at: info.last_seen_at.map(|at| at.to_string()),
        clock_offset_us: info.clock_offset_us,
    }
}

fn running_job(job: RunningJob) -> RunningJobView {
    RunningJobView {
        job_id: job.job_id.to_string(),
        job_name: job.job_name,
        job_type: job.job_type,
        execution_id: job.execution_id.to_string(),
        started_at: job.started_at.to_string(),
    }
}
