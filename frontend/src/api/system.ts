// Requests about the server itself, and about the meaning of a time.
import { requestJson } from './request'
import type { Data, ParsedTime, SystemStatus } from './types'

export async function getSystemStatus(signal?: AbortSignal): Promise<SystemStatus> {
  return (await requestJson<Data<SystemStatus>>('api/system/status', { signal })).data
}

/** What a time expression means to somebody in this zone. */
export async function parseTime(
  expression: string,
  timezone: string,
  signal?: AbortSignal,
): Promise<ParsedTime> {
  const answer = await requestJson<Data<ParsedTime>>('api/time/parse', {
    method: 'POST',
    body: { expression, timezone },
    signal,
  })
  return answer.data
}
