// Requests, problems, keys and addresses.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { newIdempotencyKey } from './idempotency'
import { actOnJob, createJob, deleteJob, listJobs } from './jobs'
import { askForKey, canBeKey, hasKey, refusal, storedKey, storeKey } from './key'
import { ApiError, errorFromResponse, toApiError } from './problem'
import { apiUrl } from './url'

function setBase(href: string) {
  document.head.innerHTML = `<base href="${href}">`
}

function answer(status: number, body: unknown) {
  return vi.spyOn(globalThis, 'fetch').mockImplementation(() =>
    Promise.resolve(new Response(body === null ? null : JSON.stringify(body), { status })),
  )
}

function lastRequest() {
  const [url, init] = vi.mocked(fetch).mock.calls.at(-1) ?? []
  return { url: url as string, init: init!, headers: init?.headers as Record<string, string> }
}

beforeEach(() => {
  sessionStorage.clear()
  refusal.value = null
  setBase('http://host.test/x/y/')
})
afterEach(() => {
  document.head.innerHTML = ''
})

describe('addresses', () => {
  it('are relative to the base of the document', () => {
    expect(apiUrl('api/jobs')).toBe('http://host.test/x/y/api/jobs')
    setBase('http://host.test/')
    expect(apiUrl('api/jobs', { limit: 5, cursor: undefined, status: 'a,b' })).toBe(
      'http://host.test/api/jobs?limit=5&status=a%2Cb',
    )
  })
})

describe('requests', () => {
  it('list jobs with filter and order', async () => {
    answer(200, { data: [], next_cursor: null })
    await listJobs({ statuses: ['running', 'held'], sortBy: 'scheduled_at', sortOrder: 'asc', limit: 50 })
    expect(lastRequest().url).toBe(
      'http://host.test/x/y/api/jobs?status=running%2Cheld&sort_by=scheduled_at&sort_order=asc&limit=50',
    )
    expect(lastRequest().headers).not.toHaveProperty('Authorization')
  })

  it('create a job once, by its key', async () => {
    answer(201, { data: { id: '1' } })
    await createJob({ type: 'shell', config: {}, scheduled_at: 'now', timezone: 'UTC' }, 'key-1')
    const { init, headers } = lastRequest()
    expect(init.method).toBe('POST')
    expect(headers).toMatchObject({ 'Content-Type': 'application/json', 'Idempotency-Key': 'key-1' })
    expect(JSON.parse(init.body as string)).toEqual({
      type: 'shell',
      config: {},
      scheduled_at: 'now',
      timezone: 'UTC',
    })
  })

  it('escape ids', async () => {
    answer(200, { data: {} })
    await actOnJob('a/../b', 'hold')
    expect(lastRequest().url).toBe('http://host.test/x/y/api/jobs/a%2F..%2Fb/hold')
    answer(204, null)
    await deleteJob('1')
    expect(lastRequest().init.method).toBe('DELETE')
  })

  it('say that the server cannot be reached', async () => {
    vi.spyOn(globalThis, 'fetch').mockRejectedValue(new TypeError('failed to fetch'))
    await expect(deleteJob('1')).rejects.toMatchObject({ status: 0, code: 'unreachable' })
  })

  it('reject with the abort, not with an error of the server, when aborted', async () => {
    const abort = new AbortController()
    const reason = new DOMException('stopped', 'AbortError')
    vi.spyOn(globalThis, 'fetch').mockRejectedValue(reason)
    abort.abort(reason)
    const query = { statuses: [], sortBy: 'created_at', sortOrder: 'asc', limit: 1 } as const
    await expect(listJobs(query, abort.signal)).rejects.toBe(reason)
  })
})

describe('the API key', () => {
  it('is sent when there is one', async () => {
    storeKey('secret')
    answer(204, null)
    await deleteJob('1')
    expect(lastRequest().headers.Authorization).toBe('Bearer secret')
  })

  it('is asked for when the server answers 401', async () => {
    answer(401, { title: 'Unauthorized', detail: 'A key is needed', code: 'unauthorized' })
    await expect(deleteJob('1')).rejects.toMatchObject({ status: 401 })
    expect(refusal.value).toEqual({ hadKey: false })
  })

  it('is forgotten when it is refused', async () => {
    storeKey('wrong')
    answer(401, {})
    await expect(deleteJob('1')).rejects.toBeInstanceOf(ApiError)
    expect(storedKey()).toBeNull()
    expect(refusal.value).toEqual({ hadKey: true })
  })

  it('can be given up for another one', async () => {
    storeKey('read-only')
    expect(hasKey.value).toBe(true)
    askForKey()
    expect(hasKey.value).toBe(false)
    expect(refusal.value).toEqual({ hadKey: false })
    answer(204, null)
    await deleteJob('1')
    expect(lastRequest().headers).not.toHaveProperty('Authorization')
  })

  it('is what a header can carry', () => {
    expect(canBeKey('oneoff_0aZ-_~!')).toBe(true)
    expect(['', 'ключ', 'a b', 'a\n', 'é'].some(canBeKey)).toBe(false)
  })

  it('survives the refusal of a request that was sent without it', async () => {
    vi.spyOn(globalThis, 'fetch').mockImplementation(() => {
      storeKey('new')
      return Promise.resolve(new Response('{}', { status: 401 }))
    })
    await expect(deleteJob('1')).rejects.toBeInstanceOf(ApiError)
    expect(storedKey()).toBe('new')
    expect(refusal.value).toBeNull()
  })
})

describe('problems', () => {
  it('keep the server’s words, fields and request id', async () => {
    const body = {
      title: 'Invalid request',
      detail: 'One field is wrong',
      code: 'invalid',
      errors: [
        { pointer: '/config/url', message: 'is no URL', hint: 'begin with https://' },
        { pointer: '/name', message: 'is too long' },
        { pointer: 7, message: 'not a problem' },
        null,
      ],
      request_id: 'r-1',
    }
    const error = await errorFromResponse(new Response(JSON.stringify(body), { status: 400 }))
    expect(error).toMatchObject({ status: 400, code: 'invalid', title: 'Invalid request', requestId: 'r-1' })
    expect(error.message).toBe('One field is wrong')
    expect(error.errors).toEqual([
      { pointer: '/config/url', message: 'is no URL', hint: 'begin with https://' },
      { pointer: '/name', message: 'is too long' },
    ])
  })

  it.each(['', '<html>Bad gateway</html>', '[', 'null', '7'])('make do with %j as an answer', async (text) => {
    const error = await errorFromResponse(new Response(text, { status: 502, statusText: 'Bad Gateway' }))
    expect(error).toMatchObject({ status: 502, code: 'unexpected_answer', errors: [] })
    expect(error.message).toBe('The server answered 502 Bad Gateway')
  })

  it('read v1’s error text', async () => {
    const error = await errorFromResponse(new Response('{"error":"Job not found"}', { status: 404 }))
    expect(error.message).toBe('Job not found')
  })

  it('wrap whatever was thrown', () => {
    const known = new ApiError(400, 'a', 'b', 'c')
    expect(toApiError(known)).toBe(known)
    expect(toApiError('boom')).toMatchObject({ status: 0, code: 'unreachable' })
  })
})

describe('idempotency keys', () => {
  it('are long and never the same', () => {
    const keys = new Set(Array.from({ length: 100 }, newIdempotencyKey))
    expect(keys.size).toBe(100)
    expect([...keys].every((key) => /^[0-9a-f]{32}$/.test(key))).toBe(true)
  })
})
