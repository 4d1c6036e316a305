// Requests, problems, keys and addresses.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { newIdempotencyKey } from './idempotency'
import { actOnJob, createJob, deleteJob, listJobs } from './jobs'
import { ApiError, errorFromResponse, toApiError } from './problem'
import { canBeKey, forget, isSignedIn, loadSession, refusal, signIn, signOut } from './session'
import { makeFirstKey } from './setup'
import { getSummary } from './summary'
import { apiUrl } from './url'

function setBase(href: string) {
  document.head.innerHTML = `<base href="${href}">`
}

/** A server without keys that answers everything else so. */
function answer(status: number, body: unknown) {
  return vi.spyOn(globalThis, 'fetch').mockImplementation((url) =>
    Promise.resolve(
      (url as string).endsWith('api/session')
        ? new Response('{"data":{"auth_enabled":false,"csrf_token":null}}')
        : new Response(body === null ? null : JSON.stringify(body), { status }),
    ),
  )
}

function lastRequest() {
  const [url, init] = vi.mocked(fetch).mock.calls.at(-1) ?? []
  return { url: url as string, init: init!, headers: init?.headers as Record<string, string> }
}

beforeEach(() => {
  forget()
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

/** A server with keys: the session's answers, and `answers` to everything else in turn. */
function withSession(session: [number, string | null], answers: [number, unknown][] = []) {
  return vi.spyOn(globalThis, 'fetch').mockImplementation((url) => {
    const [status, body] = (url as string).endsWith('api/session')
      ? [session[0], { data: { auth_enabled: true, csrf_token: session[1] } }]
      : (answers.shift() ?? [204, null])
    return Promise.resolve(new Response(status === 204 ? null : JSON.stringify(body), { status }))
  })
}

describe('the session', () => {
  it('gives each change its token, which is asked for once', async () => {
    withSession([200, 'token-1'])
    await deleteJob('1')
    await deleteJob('2')
    expect(lastRequest().headers['X-CSRF-Token']).toBe('token-1')
    const asked = vi.mocked(fetch).mock.calls.filter(([url]) => (url as string).endsWith('api/session'))
    expect(asked).toHaveLength(1)
    expect(isSignedIn.value).toBe(true)
  })

  it('is none on a server without keys', async () => {
    withSession([200, null])
    await deleteJob('1')
    expect(lastRequest().headers).not.toHaveProperty('X-CSRF-Token')
    expect(isSignedIn.value).toBe(false)
    expect(refusal.value).toBeNull()
  })

  it('is asked for when the server answers 401', async () => {
    withSession([401, null], [[401, {}]])
    await expect(deleteJob('1')).rejects.toMatchObject({ status: 401 })
    expect(refusal.value).toBe('no-key')
  })

  it('begins with a key, and a wrong one is said to be wrong', async () => {
    withSession([401, null])
    await signIn('oneoff_wrong')
    expect(refusal.value).toBe('wrong-key')
    withSession([201, 'token-2'])
    await signIn('oneoff_right')
    expect(JSON.parse(lastRequest().init.body as string)).toEqual({ key: 'oneoff_right' })
    expect(refusal.value).toBeNull()
    expect(isSignedIn.value).toBe(true)
  })

  it('ends by itself', async () => {
    withSession([200, 'token-3'], [[401, {}]])
    await loadSession()
    await expect(deleteJob('1')).rejects.toMatchObject({ status: 401 })
    expect(refusal.value).toBe('ended')
    expect(isSignedIn.value).toBe(false)
  })

  it('is ended by hand', async () => {
    withSession([200, 'token-4'])
    await loadSession()
    await signOut()
    expect(lastRequest().init.method).toBe('DELETE')
    expect(lastRequest().headers['X-CSRF-Token']).toBe('token-4')
    expect(refusal.value).toBe('no-key')
  })

  it('of another tab takes the place of this one', async () => {
    withSession([200, 'old'])
    await loadSession()
    withSession([200, 'new'], [[403, { code: 'forgery_refused', detail: 'x' }]])
    await deleteJob('1')
    expect(lastRequest().headers['X-CSRF-Token']).toBe('new')
  })

  it('survives the refusal of a request that was sent before it', async () => {
    let signedIn = false
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (url, init) => {
      const isSession = (url as string).endsWith('api/session')
      if (isSession) return new Response(JSON.stringify({ data: { csrf_token: 'c' } }), { status: 200 })
      if (init?.method === 'GET' && !signedIn) {
        signedIn = true
        await signIn('new')
      }
      return new Response('{}', { status: 401 })
    })
    const query = { statuses: [], sortBy: 'created_at', sortOrder: 'asc', limit: 1 } as const
    await expect(listJobs(query)).rejects.toBeInstanceOf(ApiError)
    expect(refusal.value).toBeNull()
    expect(isSignedIn.value).toBe(true)
  })

  it('takes what can be a key', () => {
    expect(canBeKey('oneoff_0aZ-_~!')).toBe(true)
    expect(['', 'ключ', 'a b', 'a\n', 'é'].some(canBeKey)).toBe(false)
  })
})

describe('the numbers over the jobs', () => {
  /** A server whose session has these projects, and what it answers by path. */
  function withProjects(projects: string[] | null, answers: Record<string, unknown>) {
    vi.spyOn(globalThis, 'fetch').mockImplementation((url) => {
      const { pathname, searchParams } = new URL(url as string)
      if (pathname.endsWith('api/session')) {
        const data = { auth_enabled: true, csrf_token: 't', api_key: { project_ids: projects } }
        return Promise.resolve(new Response(JSON.stringify({ data })))
      }
      const name = (pathname.split('/api/')[1] ?? '') + (searchParams.get('status') ?? '')
      const body = answers[name]
      return Promise.resolve(new Response(JSON.stringify(body ?? {}), { status: body === undefined ? 403 : 200 }))
    })
  }

  it('are those of the server where the key is good for all projects', async () => {
    const data = {
      total_scheduled: 7,
      currently_running: 2,
      jobs: { held: 1 },
      next_due_at: 'n',
      now: '2027-01-01T00:00:00Z',
    }
    withProjects(null, { 'system/status': { data } })
    forget()
    expect(await getSummary()).toMatchObject({
      scheduled: { jobs: 7, isFloor: false },
      held: { jobs: 1, isFloor: false },
      nextDueAt: 'n',
      isOfOwnProjects: false,
    })
  })

  it('are those of its projects where it is good for some', async () => {
    const job = (project_id: string, scheduled_at: string, next_attempt_at: string | null = null) => ({
      project_id,
      scheduled_at,
      next_attempt_at,
    })
    withProjects(['a', 'b'], {
      jobsscheduled: { data: [job('a', '1'), job('b', '2', '3')], total: 10_000, total_is_estimate: true },
      jobsrunning: { data: [], total: 0 },
      jobsheld: { data: [{}], total: 4 },
      projects: { data: [{ id: 'a', is_paused: true }, { id: 'b', is_paused: false }] },
      'time/parse': { data: { instant: '2027-01-01T00:00:00Z' } },
    })
    forget()
    expect(await getSummary()).toMatchObject({
      scheduled: { jobs: 10_000, isFloor: true },
      running: { jobs: 0, isFloor: false },
      held: { jobs: 4, isFloor: false },
      nextDueAt: '3',
      isOfOwnProjects: true,
      clock: { now: '2027-01-01T00:00:00Z' },
    })
    const asked = vi.mocked(fetch).mock.calls.map(([url]) => new URL(url as string).pathname)
    expect(asked.some((path) => path.endsWith('system/status'))).toBe(false)
  })

  it('are those of its projects once another tab has signed in with such a key', async () => {
    withProjects(null, {})
    forget()
    await loadSession()
    const own = { jobsscheduled: { data: [] }, jobsrunning: { data: [] }, jobsheld: { data: [] }, projects: { data: [] } }
    withProjects(['a'], { ...own, 'time/parse': { data: { instant: 'n' } } })
    expect(await getSummary()).toMatchObject({ isOfOwnProjects: true, clock: { now: 'n' } })
    withProjects(null, {})
    forget()
    await expect(getSummary()).rejects.toMatchObject({ status: 403 })
  })
})

describe('the first key', () => {
  it('is made by the token of the link', async () => {
    answer(201, { data: { id: '1', key: 'oneoff_first' } })
    expect(await makeFirstKey('t', 'admin')).toBe('oneoff_first')
    expect(lastRequest().url).toBe('http://host.test/x/y/api/setup')
    answer(404, { code: 'not_found', detail: 'the setup link is not valid' })
    await expect(makeFirstKey('t', 'admin')).rejects.toMatchObject({ message: 'the setup link is not valid' })
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
