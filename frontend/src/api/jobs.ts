// Requests about jobs.
import { requestJson, send } from './request'
import type { CreateJob, Data, Job, JobStatus, List } from './types'

export interface JobListQuery {
  statuses: readonly JobStatus[]
  sortBy: 'scheduled_at' | 'created_at'
  sortOrder: 'asc' | 'desc'
  limit: number
  cursor?: string | undefined
  /** Whether all that match are counted, too. */
  total?: boolean
}

export function listJobs(query: JobListQuery, signal?: AbortSignal): Promise<List<Job>> {
  return requestJson('api/jobs', {
    query: {
      status: query.statuses.join(','),
      sort_by: query.sortBy,
      sort_order: query.sortOrder,
      limit: query.limit,
      cursor: query.cursor,
      total: query.total,
    },
    signal,
  })
}

export async function getJob(id: string, signal?: AbortSignal): Promise<Job> {
  return (await requestJson<Data<Job>>(jobPath(id), { signal })).data
}

/** Creates a job. The same key never creates a second one, however often the request is repeated. */
export async function createJob(job: CreateJob, idempotencyKey: string): Promise<Job> {
  const answer = await requestJson<Data<Job>>('api/jobs', {
    method: 'POST',
    body: job,
    headers: { 'Idempotency-Key': idempotencyKey },
  })
  return answer.data
}

export type JobAction = 'execute' | 'cancel' | 'hold' | 'release'

export async function actOnJob(id: string, action: JobAction): Promise<void> {
  await send(`${jobPath(id)}/${action}`, { method: 'POST', body: {} })
}

export async function deleteJob(id: string): Promise<void> {
  await send(jobPath(id), { method: 'DELETE' })
}

function jobPath(id: string): string {
  return `api/jobs/${encodeURIComponent(id)}`
}
