// What an execution came to, in few words.
import type { Execution } from '@/api/types'

/** `HTTP 204`, `exit 1`, or the reason where there is neither. */
export function outcomeText(execution: Execution): string {
  const status = httpStatus(execution.result)
  if (status !== null) return `HTTP ${status}`
  if (execution.exit_code !== null) return `exit ${execution.exit_code}`
  if (execution.reason === null || execution.reason === 'success') return ''
  return reasonText(execution.reason)
}

/** A reason for people: `exit_code` becomes `exit code`. */
export function reasonText(reason: string): string {
  return reason.replaceAll('_', ' ')
}

function httpStatus(result: unknown): number | null {
  if (typeof result !== 'object' || result === null || !('status' in result)) return null
  return typeof result.status === 'number' ? result.status : null
}
