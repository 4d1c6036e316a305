// The numbers over the list of jobs: those of the server, or of what the caller may see where the key is restricted.
import { listJobs } from './jobs'
import { ApiError } from './problem'
import { requestJson } from './request'
import { isRestricted, loadSession } from './session'
import { getSystemStatus, parseTime } from './system'
import type { Data, Job, JobStatus, List, Project } from './types'

/** Waiting jobs that are looked through for one that may start. */
const LOOK_ROWS = 50

/** A number of jobs; where it is a floor there are more. */
export interface Count {
  jobs: number
  isFloor: boolean
}

/** The server's wall time, and between which times of this browser it was asked for. */
export interface ServerTime {
  now: string
  sentAt: number
  receivedAt: number
}

export interface Summary {
  scheduled: Count
  running: Count
  held: Count
  /** When the next job starts, where that is known. */
  nextDueAt: string | null
  clock: ServerTime
  /** Whether the numbers are those of the caller's projects alone. */
  isOfOwnProjects: boolean
}

export async function getSummary(signal?: AbortSignal): Promise<Summary> {
  if (await isRestricted()) return ofOwnProjects(signal)
  try {
    return await ofServer(signal)
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 403) throw error
    // Another tab may have signed in anew, with a key that is good for some projects only.
    await loadSession()
    if (!(await isRestricted())) throw error
    return await ofOwnProjects(signal)
  }
}

async function ofServer(signal?: AbortSignal): Promise<Summary> {
  const sentAt = Date.now()
  const status = await getSystemStatus(signal)
  return {
    scheduled: exactly(status.total_scheduled),
    running: exactly(status.currently_running),
    held: exactly(status.jobs.held ?? 0),
    nextDueAt: status.next_due_at,
    clock: { now: status.now, sentAt, receivedAt: Date.now() },
    isOfOwnProjects: false,
  }
}

/** The status of the server tells of all projects together; the lists have only what the key may see. */
async function ofOwnProjects(signal?: AbortSignal): Promise<Summary> {
  const [scheduled, running, held, paused, clock] = await Promise.all([
    jobsThatAre('scheduled', LOOK_ROWS, signal),
    jobsThatAre('running', 1, signal),
    jobsThatAre('held', 1, signal),
    pausedProjects(signal),
    serverTime(signal),
  ])
  const next = scheduled.data.find((job) => !paused.has(job.project_id))
  return {
    scheduled: countOf(scheduled),
    running: countOf(running),
    held: countOf(held),
    nextDueAt: next?.next_attempt_at ?? next?.scheduled_at ?? null,
    clock,
    isOfOwnProjects: true,
  }
}

async function serverTime(signal?: AbortSignal): Promise<ServerTime> {
  const sentAt = Date.now()
  const { instant } = await parseTime('now', 'UTC', signal)
  return { now: instant, sentAt, receivedAt: Date.now() }
}

function jobsThatAre(status: JobStatus, limit: number, signal?: AbortSignal): Promise<List<Job>> {
  return listJobs({ statuses: [status], sortBy: 'scheduled_at', sortOrder: 'asc', limit, total: true }, signal)
}

async function pausedProjects(signal?: AbortSignal): Promise<Set<string>> {
  const projects = (await requestJson<Data<Project[]>>('api/projects', { signal })).data
  return new Set(projects.filter((project) => project.is_paused).map((project) => project.id))
}

function exactly(jobs: number): Count {
  return { jobs, isFloor: false }
}

function countOf(list: List<unknown>): Count {
  return { jobs: list.total ?? 0, isFloor: list.total_is_estimate ?? false }
}
