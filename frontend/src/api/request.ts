// One request to the API: address, key, body, and errors as `ApiError`.
import { authorization, refused } from './key'
import { errorFromResponse, toApiError } from './problem'
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
  const key = authorization()
  const response = await fetchOrFail(apiUrl(path, options.query), {
    method: options.method ?? 'GET',
    headers: {
      Accept: 'application/json',
      ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...key,
      ...options.headers,
    },
    body: options.body === undefined ? null : JSON.stringify(options.body),
    signal: options.signal ?? null,
    cache: 'no-store',
  })
  if (response.status === 401) refused(key.Authorization)
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
