// The wire structs of the HTTP API, as `crates/api-types` defines them.

export type JobStatus =
  | 'scheduled'
  | 'running'
  | 'held'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'missed'

export type ExecutionStatus = 'running' | 'completed' | 'failed' | 'cancelled'

export type JsonObject = Record<string, unknown>

export interface Hold {
  reason: string
  by: string
  at: string
  until: string | null
}

export interface Tag {
  id: string
  name: string
  color?: string
  is_default: boolean
  created_at: string
}

export interface Job {
  id: string
  name: string
  type: string
  config: JsonObject
  status: JobStatus
  project_id: string
  tags: Tag[]
  priority: number
  timezone: string
  scheduled_at: string | null
  scheduled_local: string | null
  timeout_seconds: number | null
  max_retries: number
  retry_delay_seconds: number
  retry_max_delay_seconds: number
  on_late: string
  on_crash: string
  max_lateness_seconds: number | null
  run: number
  attempt: number
  next_attempt_at: string | null
  cancel_requested: boolean
  holds: Hold[]
  last_execution: string | null
  created_by: string | null
  created_at: string
  updated_at: string
  version: number
}

export interface Execution {
  id: string
  job_id: string
  job_name: string
  job_type: string
  run: number
  attempt: number
  status: ExecutionStatus
  reason: string | null
  exit_code: number | null
  error: string | null
  scheduled_for: string
  started_at: string
  completed_at: string | null
  duration_ms: number | null
  lateness_ms: number
  output_bytes: number
  output_truncated: boolean
  result: unknown
}

export type OutputStream = 'stdout' | 'stderr' | 'system'

export interface OutputChunk {
  stream: OutputStream
  offset: number
  at: string
  text: string
}

export interface OutputPage {
  chunks: OutputChunk[]
  next_offset: number
  total_bytes: number
  complete: boolean
}

export interface ParsedTime {
  instant: string
  timezone: string
  local: string
  description: string
  in_ms: number
}

export interface Project {
  id: string
  name: string
  is_paused: boolean
}

export interface SystemStatus {
  total_scheduled: number
  currently_running: number
  queue_depth: number
  jobs: Partial<Record<JobStatus, number>>
  next_due_at: string | null
  version: string
  now: string
  default_timezone: string
}

export interface CreateJob {
  name?: string
  type: string
  config: JsonObject
  scheduled_at: string
  timezone: string
  priority?: number
  timeout_seconds?: number
  max_retries?: number
  retry_delay_seconds?: number
}

/** The envelope of a list. */
export interface List<T> {
  data: T[]
  next_cursor: string | null
  total?: number
  /** Whether there may be more than `total`. */
  total_is_estimate?: boolean
}

/** The envelope of every other success. */
export interface Data<T> {
  data: T
}
