// What the jobs page asks the server for. All keys begin with `LIVE_KEY`: events make them stale.
import { listExecutions } from '@/api/executions'
import { getJob, listJobs } from '@/api/jobs'
import { getSummary } from '@/api/summary'
import type { ExecutionStatus, JobStatus, List } from '@/api/types'
import { learnServerClock } from '@/lib/time/clock'
import { LIVE_KEY } from '@/lib/live/useLive'
import { useInfiniteQuery, useQuery } from '@tanstack/vue-query'
import { computed, type Ref } from 'vue'

const PAGE_ROWS = 50
const NEVER_RAN_ROWS = 20
const ATTEMPT_ROWS = 20

const PENDING: readonly JobStatus[] = ['running', 'scheduled', 'held']
const ENDED: readonly ExecutionStatus[] = ['completed', 'failed', 'cancelled']
const NEVER_RAN: readonly JobStatus[] = ['cancelled', 'missed']

/** Jobs that run or are to run, the earliest first. */
export function useUpcoming() {
  return useInfiniteQuery({
    queryKey: [LIVE_KEY, 'jobs', 'upcoming'],
    queryFn: ({ pageParam, signal }) =>
      listJobs(
        { statuses: PENDING, sortBy: 'scheduled_at', sortOrder: 'asc', limit: PAGE_ROWS, cursor: pageParam },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: nextCursor,
  })
}

/** Executions that are over, the latest first. */
export function useRecentExecutions() {
  return useInfiniteQuery({
    queryKey: [LIVE_KEY, 'executions', 'recent'],
    queryFn: ({ pageParam, signal }) =>
      listExecutions({ statuses: ENDED, limit: PAGE_ROWS, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: nextCursor,
  })
}

/** The latest jobs that ended without an execution, or after some. */
export function useNeverRan() {
  return useQuery({
    queryKey: [LIVE_KEY, 'jobs', 'never-ran'],
    queryFn: async ({ signal }) => {
      const query = { statuses: NEVER_RAN, sortBy: 'created_at', sortOrder: 'desc', limit: NEVER_RAN_ROWS } as const
      return (await listJobs(query, signal)).data
    },
  })
}

export function useJob(id: Ref<string>) {
  return useQuery({
    queryKey: computed(() => [LIVE_KEY, 'job', id.value]),
    queryFn: ({ signal }) => getJob(id.value, signal),
  })
}

export function useAttempts(jobId: Ref<string>) {
  return useQuery({
    queryKey: computed(() => [LIVE_KEY, 'executions', jobId.value]),
    queryFn: async ({ signal }) =>
      (await listExecutions({ jobId: jobId.value, limit: ATTEMPT_ROWS }, signal)).data,
  })
}

/** The numbers over the lists; each answer also tells the server's clock. */
export function useSummary() {
  return useQuery({
    queryKey: [LIVE_KEY, 'summary'],
    queryFn: async ({ signal }) => {
      const summary = await getSummary(signal)
      const { now, sentAt, receivedAt } = summary.clock
      learnServerClock(now, sentAt, receivedAt)
      return summary
    },
    refetchInterval: 60_000,
  })
}

function nextCursor(page: List<unknown>): string | undefined {
  return page.next_cursor ?? undefined
}
