// The rows of "Recent": executions, and between them the jobs that ended without one.
import type { Execution, Job, JobStatus } from '@/api/types'
import { lateness, measured } from '@/lib/time/duration'
import { outcomeText } from './outcome'

export type RecentRow =
  | { kind: 'execution'; key: string; atMs: number; execution: Execution }
  | { kind: 'job'; key: string; atMs: number; job: Job }

/**
 * Both, the latest first. While there are more executions to load, jobs older than the last one that is
 * shown wait for their place.
 */
export function recentRows(executions: Execution[], jobs: Job[], moreExecutions: boolean): RecentRow[] {
  const rows: RecentRow[] = executions.map((execution) => ({
    kind: 'execution',
    key: execution.id,
    atMs: Date.parse(execution.completed_at ?? execution.started_at),
    execution,
  }))
  const oldest = moreExecutions ? Math.min(...rows.map((row) => row.atMs)) : -Infinity
  for (const job of jobs) {
    const atMs = Date.parse(job.updated_at)
    if (job.last_execution !== null || atMs < oldest) continue
    rows.push({ kind: 'job', key: job.id, atMs, job })
  }
  return rows.sort((a, b) => b.atMs - a.atMs)
}

/** What a row shows. */
export interface ShownRow {
  key: string
  jobId: string
  name: string
  type: string
  status: JobStatus
  attempt: string
  outcome: string
  duration: string
  late: string
  at: string
  zone: string | null
}

export function shownRow(row: RecentRow): ShownRow {
  return row.kind === 'job' ? shownJob(row.key, row.job) : shownExecution(row.key, row.execution)
}

function shownJob(key: string, job: Job): ShownRow {
  return {
    key,
    jobId: job.id,
    name: job.name,
    type: job.type,
    status: job.status,
    attempt: '',
    outcome: 'did not run',
    duration: '',
    late: '',
    at: job.updated_at,
    zone: job.timezone,
  }
}

function shownExecution(key: string, execution: Execution): ShownRow {
  return {
    key,
    jobId: execution.job_id,
    name: execution.job_name,
    type: execution.job_type,
    status: execution.status,
    attempt: execution.attempt === 0 ? '' : `attempt ${execution.attempt + 1}`,
    outcome: outcomeText(execution),
    duration: execution.duration_ms === null ? '' : measured(execution.duration_ms),
    late: lateness(execution.lateness_ms),
    at: execution.completed_at ?? execution.started_at,
    zone: null,
  }
}
