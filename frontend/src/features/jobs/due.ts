// When a job starts next, and how it says so.
import type { Job } from '@/api/types'

/** The next start: that of the retry where one waits. */
export function dueAt(job: Job): string | null {
  return job.next_attempt_at ?? job.scheduled_at
}

/** What runs first, then what starts next; what has no time comes last. A waiting retry counts by its own time. */
export function byStart(jobs: readonly Job[]): Job[] {
  const rank = (job: Job) => {
    if (job.status === 'running') return -Infinity
    const at = dueAt(job)
    return at === null ? Infinity : Date.parse(at)
  }
  return [...jobs].sort((a, b) => {
    const [first, second] = [rank(a), rank(b)]
    return first === second ? 0 : first - second
  })
}

/** `retry 1 of 3` for a job that waits for or runs another attempt; those after a crash are not counted. */
export function retryText(job: Job): string {
  if (job.attempt === 0) return ''
  return job.attempt > job.max_retries
    ? `attempt ${job.attempt + 1}`
    : `retry ${job.attempt} of ${job.max_retries}`
}

/** Whether the job has ended for good, unless somebody starts it anew. */
export function isOver(job: Job): boolean {
  return ['completed', 'failed', 'cancelled', 'missed'].includes(job.status)
}
