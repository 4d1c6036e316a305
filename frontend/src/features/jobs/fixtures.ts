// Records for the tests.
import type { Execution, Job } from '@/api/types'

export function jobFixture(fields: Partial<Job> = {}): Job {
  return {
    id: 'j1',
    name: 'Warm the cache',
    type: 'http',
    config: { url: 'https://example.com/' },
    status: 'scheduled',
    project_id: 'default',
    tags: [],
    priority: 5,
    timezone: 'Europe/Madrid',
    scheduled_at: '2026-11-24T08:00:00Z',
    scheduled_local: null,
    timeout_seconds: null,
    max_retries: 0,
    retry_delay_seconds: 10,
    retry_max_delay_seconds: 3600,
    on_late: 'run',
    on_crash: 'retry',
    max_lateness_seconds: null,
    run: 1,
    attempt: 0,
    next_attempt_at: null,
    cancel_requested: false,
    holds: [],
    last_execution: null,
    created_by: null,
    created_at: '2026-11-20T08:00:00Z',
    updated_at: '2026-11-20T08:00:00Z',
    version: 1,
    ...fields,
  }
}

export function executionFixture(fields: Partial<Execution> = {}): Execution {
  return {
    id: 'e1',
    job_id: 'j1',
    job_name: 'Warm the cache',
    job_type: 'http',
    run: 1,
    attempt: 0,
    status: 'completed',
    reason: 'success',
    exit_code: null,
    error: null,
    scheduled_for: '2026-11-24T08:00:00Z',
    started_at: '2026-11-24T08:00:00.002Z',
    completed_at: '2026-11-24T08:00:00.122Z',
    duration_ms: 120.25,
    lateness_ms: 2.1,
    output_bytes: 0,
    output_truncated: false,
    result: { status: 204 },
    ...fields,
  }
}
