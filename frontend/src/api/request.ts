// One request to the API: address, session, body, and errors as `ApiError`.
import { ApiError, errorFromResponse, toApiError } from './problem'
import { changeHeaders, forget, refused, sessionNow } from './session'
import { apiUrl, type QueryValue } from './url'

export interface RequestOptions {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  query?: Record<string, QueryValue>
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
}

/** Sends a request and returns its answer if it succeeded. Aborting rejects with the signal's reason. */
export async function send(path: string, options: RequestOptions = {}): Promise<Response> {
  try {
    return await sendOnce(path, options)
  } catch (error) {
    // Another tab has signed in anew: its session is that of this tab, too. The server has done nothing.
    if (!(error instanceof ApiError) || error.code !== 'forgery_refused') throw error
    forget()
    return await sendOnce(path, options)
  }
}

async function sendOnce(path: string, options: RequestOptions): Promise<Response> {
  const method = options.method ?? 'GET'
  const change = method === 'GET' ? {} : await changeHeaders()
  const session = sessionNow()
  const response = await fetchOrFail(apiUrl(path, options.query), {
    method,
    headers: {
      Accept: 'application/json',
      ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...change,
      ...options.headers,
    },
    body: options.body === undefined ? null : JSON.stringify(options.body),
    signal: options.signal ?? null,
    cache: 'no-store',
  })
  if (response.status === 401) refused(session)
  if (!response.ok) throw await errorFromResponse(response)
  return response
}

/** Sends a request and reads the JSON that it is answered with. */
export async function requestJson<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const response = await send(path, options)
  return (await response.json()) as T
}

async function fetchOrFail(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (error) {
    if (init.signal?.aborted === true) throw error
    throw toApiError(error)
  }
}
