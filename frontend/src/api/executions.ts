// Requests about executions and their output.
import { requestJson } from './request'
import type { Data, Execution, ExecutionStatus, List, OutputPage } from './types'

export interface ExecutionListQuery {
  jobId?: string
  statuses?: readonly ExecutionStatus[]
  limit: number
  cursor?: string | undefined
}

/** Executions, the latest first. */
export function listExecutions(
  query: ExecutionListQuery,
  signal?: AbortSignal,
): Promise<List<Execution>> {
  return requestJson('api/executions', {
    query: {
      job_id: query.jobId,
      status: query.statuses?.join(','),
      sort_by: 'started_at',
      sort_order: 'desc',
      limit: query.limit,
      cursor: query.cursor,
    },
    signal,
  })
}

/** Output from `offset`; waits for some, or for the end, up to `waitSeconds`. */
export async function readOutput(
  executionId: string,
  offset: number,
  waitSeconds: number,
  signal?: AbortSignal,
): Promise<OutputPage> {
  const path = `api/executions/${encodeURIComponent(executionId)}/output`
  const query = { offset, wait: waitSeconds }
  return (await requestJson<Data<OutputPage>>(path, { query, signal })).data
}
