// From the form's inputs to the request, and from the server's complaints to the inputs.
import { describe, expect, it } from 'vitest'
import { buildRequest, newDraft, type Draft } from './draft'
import { effectText } from './effect'
import { fieldOf, sortProblems } from './fieldProblems'
import { isFromNow } from './useParsedTime'

const draft = (fields: Partial<Draft>): Draft => ({ ...newDraft(), ...fields })

describe('the request', () => {
  it('of an HTTP job carries the browser’s zone and leaves out what is empty', () => {
    expect(buildRequest(draft({ url: ' https://example.com/ ', when: ' tomorrow 9am ' }), 'Europe/Madrid')).toEqual({
      job: {
        type: 'http',
        config: { url: 'https://example.com/', method: 'GET' },
        scheduled_at: 'tomorrow 9am',
        timezone: 'Europe/Madrid',
        priority: 5,
      },
    })
  })

  it('of an HTTP job has headers and body as given', () => {
    const built = buildRequest(
      draft({ url: 'u', method: 'POST', headers: 'X-A: b: c\n\n  Accept :text/plain ', body: ' {"a": 1}\n' }),
      'UTC',
    )
    expect(built).toMatchObject({
      job: { config: { method: 'POST', headers: { 'X-A': 'b: c', Accept: 'text/plain' }, body: ' {"a": 1}\n' } },
    })
  })

  it('of a shell job keeps the script as it is and has an argument per line', () => {
    const fields = { type: 'shell', script: 'echo "$1"\n', args: 'one two\n\n  three', workdir: '/tmp' } as const
    expect(buildRequest(draft({ ...fields, url: 'https://unused' }), 'UTC')).toMatchObject({
      job: { type: 'shell', config: { script: 'echo "$1"\n', args: ['one two', '  three'], workdir: '/tmp' } },
    })
  })

  it('has numbers as numbers', () => {
    const fields = { timeoutSeconds: '30', maxRetries: ' 2 ', retryDelaySeconds: '-1', priority: '9', name: ' n ' }
    expect(buildRequest(draft(fields), 'UTC')).toMatchObject({
      job: { name: 'n', timeout_seconds: 30, max_retries: 2, retry_delay_seconds: -1, priority: 9 },
    })
  })

  it.each(['abc', '1.5', '1e3', '0x10', '99999999999999999999', '３'])('refuses %j as a number', (text) => {
    expect(buildRequest(draft({ timeoutSeconds: text }), 'UTC')).toMatchObject({
      problems: [{ pointer: '/timeout_seconds' }],
    })
  })

  it.each(['no colon', ': no name', 'A: 1\nA: 2'])('refuses %j as headers', (headers) => {
    expect(buildRequest(draft({ headers }), 'UTC')).toMatchObject({ problems: [{ pointer: '/config/headers' }] })
  })
})

describe('problems', () => {
  it.each([
    ['/config/url', 'http', 'url'],
    ['/config/headers/X-A', 'http', 'headers'],
    ['/config/args/2', 'shell', 'args'],
    ['/scheduled_at', 'http', 'when'],
    ['/timezone', 'shell', 'when'],
    ['/max_retries', 'shell', 'maxRetries'],
    ['/config/url', 'shell', null],
    ['/config', 'http', null],
    ['/urlx', 'http', null],
    ['', 'http', null],
  ] as const)('at %s of a %s job belong to %s', (pointer, type, field) => {
    expect(fieldOf(pointer, type)).toBe(field)
  })

  it('that no input is to blame for are kept apart', () => {
    const url = { pointer: '/config/url', message: 'a' }
    const again = { pointer: '/config/url', message: 'b' }
    const project = { pointer: '/project_id', message: 'c' }
    expect(sortProblems([url, project, again], 'http')).toEqual({ fields: { url: [url, again] }, others: [project] })
  })
})

describe('the words of the button', () => {
  const now = Date.parse('2026-11-21T21:00:00Z')
  const parsed = (instant: string) => ({
    instant,
    timezone: 'Europe/Madrid',
    local: '',
    description: '',
    in_ms: Date.parse(instant) - now,
  })

  it.each([
    ['2026-11-24T08:00:00Z', false, 'Schedule for Tue 24 Nov 09:00 CET, in 2 d 11 h'],
    ['2026-11-21T21:10:00Z', true, 'Schedule in 10 min'],
    ['2026-11-21T21:00:00Z', true, 'Run now'],
  ])('for %s (from now: %s) are %s', (instant, fromNow, text) => {
    expect(effectText(parsed(instant), fromNow, now, 'Europe/Madrid')).toBe(text)
  })

  it('promise nothing while the time is not known', () => {
    expect(effectText(null, false, now, 'UTC')).toBe('Schedule job')
  })

  it('know which times are counted from now', () => {
    expect(['now', ' NOW + 5m', 'in 2h', 'In 5 min', '+90s'].every(isFromNow)).toBe(true)
    expect(['tomorrow 9am', 'india', 'nowhere', ''].some(isFromNow)).toBe(false)
  })
})
