// One reading of the event stream: opens it, hands on its events, ends with the reason.
import { refused, sessionNow } from '@/api/session'
import { apiUrl } from '@/api/url'
import { createParser } from 'eventsource-parser'

/** The server sends a heartbeat every 15 s; three missed ones are an end. */
export const SILENCE_MS = 45_000

export interface StreamEvent {
  id: string | undefined
  event: string
  data: string
}

export interface StreamListener {
  opened: () => void
  received: (event: StreamEvent) => void
}

/** Why the stream ended. Without a stream there is nothing to reconnect to soon. */
export type StreamEnd = 'lost' | 'unauthorized' | 'unavailable' | 'aborted'

/** Reads the stream until it ends, and says why it did. Never rejects. */
export async function readStream(
  lastEventId: string | undefined,
  listener: StreamListener,
  signal: AbortSignal,
): Promise<StreamEnd> {
  const silence = new AbortController()
  const either = AbortSignal.any([signal, silence.signal])
  let timer = setTimeout(() => silence.abort(), SILENCE_MS)
  const heard = () => {
    clearTimeout(timer)
    timer = setTimeout(() => silence.abort(), SILENCE_MS)
  }
  try {
    const response = await open(lastEventId, either)
    if (response.status === 401) return 'unauthorized'
    if (!isStream(response)) return response.status >= 500 ? 'lost' : 'unavailable'
    listener.opened()
    await readBody(response, listener, heard)
    return 'lost'
  } catch {
    return signal.aborted ? 'aborted' : 'lost'
  } finally {
    clearTimeout(timer)
    silence.abort()
  }
}

async function open(lastEventId: string | undefined, signal: AbortSignal): Promise<Response> {
  const session = sessionNow()
  const response = await fetch(apiUrl('api/events'), {
    headers: {
      Accept: 'text/event-stream',
      ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
    },
    cache: 'no-store',
    signal,
  })
  if (response.status === 401) refused(session)
  return response
}

function isStream(response: Response): boolean {
  const type = response.headers.get('content-type') ?? ''
  return response.ok && response.body !== null && type.startsWith('text/event-stream')
}

async function readBody(
  response: Response,
  listener: StreamListener,
  heard: () => void,
): Promise<void> {
  if (response.body === null) return
  const parser = createParser({
    onEvent: ({ id, event, data }) => listener.received({ id, event: event ?? 'message', data }),
  })
  const decoder = new TextDecoder()
  const reader = response.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    heard()
    parser.feed(decoder.decode(value, { stream: true }))
  }
}
