//! Executions on the wire.

use oneoff_api_types::ExecutionView;
use oneoff_domain::Execution;

/// An execution as the API answers it, with its output where that is asked for.
pub(crate) fn execution(execution: Execution, output: Option<String>) -> ExecutionView {
    ExecutionView {
        id: execution.id.to_string(),
        job_id: execution.job_id.to_string(),
        job_name: execution.job_name,
        job_type: execution.job_type,
        project_id: execution.project_id,
        run: execution.run,
        attempt: execution.attempt,
        status: execution.status.to_string(),
        reason: execution.reason.map(|reason| reason.to_string()),
        exit_code: execution.exit_code,
        error: execution.error,
        scheduled_for: execution.scheduled_for.to_string(),
        started_at: execution.started_at.to_string(),
        created_at: execution.started_at.to_string(),
        completed_at: execution.completed_at.map(|at| at.to_string()),
        duration_ms: execution.duration_us.map(milliseconds),
        lateness_ms: milliseconds(execution.lateness_us),
        worker: execution.worker,
        output_bytes: execution.output_bytes,
        output_truncated: execution.output_truncated,
        result: execution.result,
        request_id: None,
        output,
    }
}

/// Microseconds as milliseconds with decimals: exact up to 285 years.
fn milliseconds(micros: i64) -> f64 {
    micros as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    #[test]
    fn milliseconds_keep_their_decimals() {
        assert_eq!(super::milliseconds(1_234).to_string(), "1.234");
        assert_eq!(super::milliseconds(-5).to_string(), "-0.005");
    }
}
