// What the tables show.
import { describe, expect, it } from 'vitest'
import { byStart, dueAt, isOver, retryText } from './due'
import { executionFixture, jobFixture } from './fixtures'
import { outcomeText } from './outcome'
import { recentRows, shownRow } from './recent'

describe('the outcome', () => {
  it.each([
    [{}, 'HTTP 204'],
    [{ result: null, exit_code: 0 }, 'exit 0'],
    [{ result: { signal: 9 }, reason: 'timeout' }, 'timeout'],
    [{ result: null, reason: 'invalid_config' }, 'invalid config'],
    [{ result: 'text', reason: 'success' }, ''],
    [{ result: { status: 'ok' }, reason: null }, ''],
  ])('of %j is %s', (fields, text) => {
    expect(outcomeText(executionFixture(fields))).toBe(text)
  })
})

describe('the due time', () => {
  it('is that of the retry where one waits', () => {
    const retrying = jobFixture({ next_attempt_at: '2026-11-24T08:01:00Z', attempt: 1, max_retries: 3 })
    expect(dueAt(retrying)).toBe('2026-11-24T08:01:00Z')
    expect(retryText(retrying)).toBe('retry 1 of 3')
    expect(dueAt(jobFixture({ scheduled_at: null }))).toBeNull()
    expect(retryText(jobFixture())).toBe('')
    expect(retryText(jobFixture({ attempt: 1, max_retries: 0 }))).toBe('attempt 2')
  })

  it('orders what waits, a retry by its own time, behind what runs', () => {
    const jobs = [
      jobFixture({ id: 'retry', scheduled_at: '2026-11-24T07:00:00Z', next_attempt_at: '2026-11-24T09:00:00Z' }),
      jobFixture({ id: 'waits', scheduled_at: '2026-11-24T08:00:00Z' }),
      jobFixture({ id: 'no time', status: 'held', scheduled_at: null }),
      jobFixture({ id: 'runs', status: 'running', scheduled_at: '2026-11-24T07:30:00Z' }),
      jobFixture({ id: 'last', scheduled_at: '2026-11-24T10:00:00Z' }),
    ]
    expect(byStart(jobs).map((job) => job.id)).toEqual(['runs', 'waits', 'retry', 'last', 'no time'])
  })

  it('is over in a final status only', () => {
    expect(['scheduled', 'running', 'held'].some((status) => isOver(jobFixture({ status: status as 'held' })))).toBe(false)
    expect(isOver(jobFixture({ status: 'missed' }))).toBe(true)
  })
})

describe('recent rows', () => {
  const old = executionFixture({ id: 'old', completed_at: '2026-11-24T07:00:00Z' })
  const late = executionFixture({ id: 'late', completed_at: '2026-11-24T09:00:00Z' })
  const missed = jobFixture({ id: 'm', status: 'missed', updated_at: '2026-11-24T08:00:00Z' })

  it('are ordered by their end, with jobs that never ran between them', () => {
    expect(recentRows([old, late], [missed], false).map((row) => row.key)).toEqual(['late', 'm', 'old'])
  })

  it('leave out jobs whose executions are shown, and those older than a page that goes on', () => {
    const ran = jobFixture({ id: 'ran', status: 'cancelled', last_execution: 'x', updated_at: '2026-11-24T08:30:00Z' })
    const older = jobFixture({ id: 'older', status: 'missed', updated_at: '2026-11-23T08:00:00Z' })
    expect(recentRows([old, late], [ran, older], true).map((row) => row.key)).toEqual(['late', 'old'])
    expect(recentRows([old, late], [ran, older], false).map((row) => row.key)).toEqual(['late', 'old', 'older'])
  })

  it('say how an execution went', () => {
    const [row] = recentRows([executionFixture({ attempt: 2 })], [], false)
    expect(shownRow(row!)).toMatchObject({
      outcome: 'HTTP 204',
      duration: '120 ms',
      late: '+2.1 ms',
      attempt: 'attempt 3',
    })
  })

  it('say that a job did not run', () => {
    const [row] = recentRows([], [missed], false)
    expect(shownRow(row!)).toMatchObject({ status: 'missed', outcome: 'did not run', duration: '' })
  })
})
