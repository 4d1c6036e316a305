// Keeps the page live: a stream that is reopened when it breaks, and polling while it cannot be had.
import { readStream, type StreamEnd, type StreamEvent } from './stream'

export type LiveState = 'connecting' | 'live' | 'reconnecting' | 'polling' | 'stopped'

export const POLL_MS = 5_000
const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 15_000
/** Failed attempts in a row after which the page polls in between. */
const ATTEMPTS_BEFORE_POLLING = 3

export interface LiveListener {
  changed: (state: LiveState) => void
  /** Something happened: `event` is null when it is not known what, and everything may be stale. */
  stale: (event: StreamEvent | null) => void
}

/** How long to wait before the given attempt, counted from 1. */
export function retryDelay(attempt: number): number {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (attempt - 1))
}

/** The connection to the server's events. */
export class LiveConnection {
  #state: LiveState = 'stopped'
  #abort: AbortController | null = null
  #lastEventId: string | undefined
  #failures = 0
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  #pollTimer: ReturnType<typeof setInterval> | undefined
  #everLive = false

  constructor(private readonly listener: LiveListener) {}

  /** Connects, unless it is connected or trying to. */
  start(): void {
    if (this.#abort !== null) return
    this.#abort = new AbortController()
    this.#failures = 0
    this.#set(this.#everLive ? 'reconnecting' : 'connecting')
    void this.#read(this.#abort.signal)
  }

  /** Closes the stream and stops polling, until the next start. */
  stop(): void {
    this.#abort?.abort()
    this.#abort = null
    clearTimeout(this.#retryTimer)
    this.#stopPolling()
    this.#set('stopped')
  }

  async #read(signal: AbortSignal): Promise<void> {
    const end = await readStream(
      this.#lastEventId,
      { opened: () => this.#opened(signal), received: (event) => this.#received(event, signal) },
      signal,
    )
    if (!signal.aborted) this.#ended(end, signal)
  }

  #opened(signal: AbortSignal): void {
    if (signal.aborted) return
    // What happened between the last look at the data and now may not be in the stream.
    this.listener.stale(null)
    this.#failures = 0
    this.#everLive = true
    this.#stopPolling()
    this.#set('live')
  }

  #received(event: StreamEvent, signal: AbortSignal): void {
    if (signal.aborted) return
    if (event.id !== undefined && event.id !== '') this.#lastEventId = event.id
    if (event.event === 'reset') {
      this.#lastEventId = event.id
      this.listener.stale(null)
      return
    }
    this.listener.stale(event)
  }

  #ended(end: StreamEnd, signal: AbortSignal): void {
    if (end === 'unauthorized') {
      this.stop()
      return
    }
    this.#failures = end === 'unavailable' ? ATTEMPTS_BEFORE_POLLING + 4 : this.#failures + 1
    const polls = this.#failures >= ATTEMPTS_BEFORE_POLLING
    if (polls) this.#startPolling()
    this.#set(polls ? 'polling' : 'reconnecting')
    this.#retryTimer = setTimeout(() => void this.#read(signal), retryDelay(this.#failures))
  }

  #startPolling(): void {
    this.#pollTimer ??= setInterval(() => this.listener.stale(null), POLL_MS)
  }

  #stopPolling(): void {
    clearInterval(this.#pollTimer)
    this.#pollTimer = undefined
  }

  #set(state: LiveState): void {
    if (state === this.#state) return
    this.#state = state
    this.listener.changed(state)
  }
}
