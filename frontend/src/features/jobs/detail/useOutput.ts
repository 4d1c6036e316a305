// Reads the output of an execution to its end, waiting for more while it runs.
import { readOutput } from '@/api/executions'
import { toApiError, type ApiError } from '@/api/problem'
import type { OutputPage } from '@/api/types'
import { onScopeDispose, reactive, watch, type Ref } from 'vue'
import { OutputText, type Segment } from './outputText'

const WAIT_SECONDS = 20
const RETRY_MS = 2_000
/** Between two answers without news, should the server not wait. */
const IDLE_MS = 500

export interface OutputState {
  segments: Segment[]
  droppedChars: number
  totalBytes: number
  complete: boolean
  error: ApiError | null
}

/** The output so far; it grows until `complete`. Another execution begins anew. */
export function useOutput(executionId: Ref<string>): OutputState {
  const state = reactive<OutputState>(nothing())
  let abort = new AbortController()

  watch(
    executionId,
    (id) => {
      abort.abort()
      abort = new AbortController()
      Object.assign(state, nothing())
      void follow(id, state, abort.signal)
    },
    { immediate: true },
  )
  onScopeDispose(() => abort.abort())
  return state
}

async function follow(id: string, state: OutputState, signal: AbortSignal): Promise<void> {
  const text = new OutputText()
  let offset = 0
  while (!signal.aborted) {
    try {
      const page = await readOutput(id, offset, WAIT_SECONDS, signal)
      if (isAborted(signal)) return
      show(page, text, state)
      if (page.complete) return
      if (page.next_offset === offset) await pause(IDLE_MS, signal)
      offset = page.next_offset
    } catch (error) {
      if (isAborted(signal)) return
      state.error = toApiError(error)
      if (state.error.status >= 400 && state.error.status < 500) return
      await pause(RETRY_MS, signal)
    }
  }
}

function show(page: OutputPage, text: OutputText, state: OutputState): void {
  text.add(page.chunks)
  state.segments = text.segments.map((segment) => ({ ...segment }))
  state.droppedChars = text.droppedChars
  state.totalBytes = page.total_bytes
  state.complete = page.complete
  state.error = null
}

function nothing(): OutputState {
  return { segments: [], droppedChars: 0, totalBytes: 0, complete: false, error: null }
}

// A function, since the compiler takes a signal that was not aborted before an await to be so after it.
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    }, { once: true })
  })
}
