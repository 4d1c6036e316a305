// Reading the event stream, reconnecting, falling back to polling, and joining bursts.
import { forget, refusal } from '@/api/session'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { coalesce } from './coalesce'
import { LiveConnection, POLL_MS, retryDelay, type LiveState } from './connection'
import { readStream, SILENCE_MS, type StreamEvent } from './stream'

/** A stream that the test writes to, as the answer to the next request. */
function openStream(status = 200, type = 'text/event-stream') {
  const encoder = new TextEncoder()
  let controller!: ReadableStreamDefaultController<Uint8Array>
  const body = new ReadableStream<Uint8Array>({
    start: (given) => {
      controller = given
    },
  })
  vi.mocked(fetch).mockImplementationOnce((_url, init) => {
    init?.signal?.addEventListener('abort', () => {
      try {
        controller.error(new DOMException('aborted', 'AbortError'))
      } catch {
        // It had ended before.
      }
    })
    return Promise.resolve(new Response(body, { status, headers: { 'content-type': type } }))
  })
  return {
    write: async (text: string) => {
      controller.enqueue(encoder.encode(text))
      await vi.advanceTimersByTimeAsync(0)
    },
    end: async () => {
      controller.close()
      await vi.advanceTimersByTimeAsync(0)
    },
  }
}

function requestHeaders(call: number): Record<string, string> {
  return vi.mocked(fetch).mock.calls[call]?.[1]?.headers as Record<string, string>
}

beforeEach(() => {
  vi.useFakeTimers()
  forget()
  refusal.value = null
  document.head.innerHTML = '<base href="http://host.test/x/">'
  vi.spyOn(globalThis, 'fetch').mockRejectedValue(new TypeError('refused'))
})
afterEach(() => {
  vi.useRealTimers()
  document.head.innerHTML = ''
})

describe('the stream', () => {
  const listener = { opened: vi.fn(), received: vi.fn<(event: StreamEvent) => void>() }
  beforeEach(() => {
    listener.opened.mockReset()
    listener.received.mockReset()
  })

  it('hands on events whatever pieces they arrive in', async () => {
    const stream = openStream()
    const end = readStream('7', listener, new AbortController().signal)
    await stream.write(': heartbeat\n\nid: 8\nevent: job.cre')
    expect(listener.opened).toHaveBeenCalledOnce()
    expect(listener.received).not.toHaveBeenCalled()
    await stream.write('ated\ndata: {"name":"\u00e9"}\n\nevent: reset\ndata:\n\n')
    expect(listener.received.mock.calls.map(([event]) => event)).toEqual([
      { id: '8', event: 'job.created', data: '{"name":"é"}' },
      { id: undefined, event: 'reset', data: '' },
    ])
    await stream.end()
    expect(await end).toBe('lost')
    expect(vi.mocked(fetch).mock.calls[0]?.[0]).toBe('http://host.test/x/api/events')
    expect(requestHeaders(0)).toMatchObject({ Accept: 'text/event-stream', 'Last-Event-ID': '7' })
  })

  it('says when it is refused', async () => {
    openStream(401, 'application/problem+json')
    expect(await readStream(undefined, listener, new AbortController().signal)).toBe('unauthorized')
    expect(refusal.value).toBe('no-key')
  })

  it.each([
    [404, 'application/problem+json', 'unavailable'],
    [200, 'text/html', 'unavailable'],
    [503, 'application/problem+json', 'lost'],
  ])('answered with %i %s is %s', async (status, type, end) => {
    openStream(status, type)
    expect(await readStream(undefined, listener, new AbortController().signal)).toBe(end)
    expect(listener.opened).not.toHaveBeenCalled()
  })

  it('is given up after long silence, which a heartbeat breaks', async () => {
    const stream = openStream()
    const end = readStream(undefined, listener, new AbortController().signal)
    await vi.advanceTimersByTimeAsync(SILENCE_MS - 1)
    await stream.write(': heartbeat\n\n')
    await vi.advanceTimersByTimeAsync(SILENCE_MS - 1)
    const ended = vi.fn()
    void end.then(ended)
    await vi.advanceTimersByTimeAsync(0)
    expect(ended).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(await end).toBe('lost')
  })

  it('ends when it is aborted', async () => {
    openStream()
    const abort = new AbortController()
    const end = readStream(undefined, listener, abort.signal)
    await vi.advanceTimersByTimeAsync(0)
    abort.abort()
    expect(await end).toBe('aborted')
  })
})

describe('the connection', () => {
  const states: LiveState[] = []
  const stale = vi.fn<(event: StreamEvent | null) => void>()
  let connection: LiveConnection

  beforeEach(() => {
    states.length = 0
    stale.mockReset()
    connection = new LiveConnection({ changed: (state) => states.push(state), stale })
  })
  afterEach(() => connection.stop())

  it('is live once the stream is open, and hands on events', async () => {
    const stream = openStream()
    connection.start()
    await stream.write('id: 1\nevent: job.created\ndata: {}\n\n')
    expect(states).toEqual(['connecting', 'live'])
    expect(stale.mock.calls.map(([event]) => event?.event ?? null)).toEqual([null, 'job.created'])
  })

  it('resumes after the last event when the stream breaks', async () => {
    const stream = openStream()
    connection.start()
    await stream.write('id: 41\nevent: job.created\ndata: {}\n\n')
    const next = openStream()
    await stream.end()
    expect(states.at(-1)).toBe('reconnecting')
    await vi.advanceTimersByTimeAsync(retryDelay(1))
    await next.write(': hello\n\n')
    expect(states.at(-1)).toBe('live')
    expect(requestHeaders(1)['Last-Event-ID']).toBe('41')
  })

  it('takes everything as stale after a reset, and forgets its place', async () => {
    const stream = openStream()
    connection.start()
    await stream.write('id: 41\nevent: job.created\ndata: {}\n\n')
    stale.mockReset()
    await stream.write('event: reset\ndata: {}\n\n')
    expect(stale.mock.calls).toEqual([[null]])
    openStream()
    await stream.end()
    await vi.advanceTimersByTimeAsync(retryDelay(1))
    expect(requestHeaders(1)).not.toHaveProperty('Last-Event-ID')
  })

  it('polls after three failures in a row, and stops polling when it is live again', async () => {
    connection.start()
    await vi.advanceTimersByTimeAsync(retryDelay(1) + retryDelay(2))
    expect(states.at(-1)).toBe('polling')
    stale.mockReset()
    await vi.advanceTimersByTimeAsync(2 * POLL_MS)
    expect(stale).toHaveBeenCalledTimes(2)
    openStream()
    await vi.advanceTimersByTimeAsync(retryDelay(99))
    expect(states.at(-1)).toBe('live')
    stale.mockReset()
    await vi.advanceTimersByTimeAsync(3 * POLL_MS)
    expect(stale).not.toHaveBeenCalled()
  })

  it('polls at once where there is no stream', async () => {
    openStream(404, 'application/problem+json')
    connection.start()
    await vi.advanceTimersByTimeAsync(0)
    expect(states.at(-1)).toBe('polling')
  })

  it('waits for a key, and begins again with it', async () => {
    openStream(401, 'application/problem+json')
    connection.start()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(states.at(-1)).toBe('stopped')
    expect(fetch).toHaveBeenCalledOnce()
    openStream()
    connection.start()
    await vi.advanceTimersByTimeAsync(0)
    expect(states.at(-1)).toBe('live')
  })

  it('leaves nothing running when it is stopped', async () => {
    connection.start()
    await vi.advanceTimersByTimeAsync(20_000)
    connection.stop()
    const requests = vi.mocked(fetch).mock.calls.length
    stale.mockReset()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(fetch).toHaveBeenCalledTimes(requests)
    expect(stale).not.toHaveBeenCalled()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('waits longer after each failure, up to a limit', () => {
    expect([1, 2, 3, 4, 50].map(retryDelay)).toEqual([500, 1000, 2000, 4000, 15_000])
  })
})

describe('coalesce', () => {
  it('runs at once, then once more for all calls of the interval, never twice at a time', async () => {
    let running = 0
    let most = 0
    const task = vi.fn(async () => {
      most = Math.max(most, (running += 1))
      await new Promise((resolve) => setTimeout(resolve, 40))
      running -= 1
    })
    const signal = coalesce(task, 100)
    for (let call = 0; call < 5; call += 1) signal()
    expect(task).toHaveBeenCalledTimes(1)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(task).toHaveBeenCalledTimes(1 + 1)
    expect(most).toBe(1)
    signal()
    expect(task).toHaveBeenCalledTimes(3)
  })

  it('goes on after a failure', async () => {
    const task = vi.fn().mockRejectedValueOnce(new Error('boom')).mockResolvedValue(undefined)
    const signal = coalesce(task, 10)
    signal()
    signal()
    await vi.advanceTimersByTimeAsync(100)
    expect(task).toHaveBeenCalledTimes(2)
  })
})
