// Relative and absolute times, durations, zones and the shared clock.
import { effectScope } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { absolute, browserZone, inZones, shortAbsolute } from './absolute'
import { learnServerClock, serverNow, serverSkewMs, useNow } from './clock'
import { lateness, measured, wholeUnits } from './duration'
import { relative } from './relative'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

describe('relative', () => {
  it.each([
    [1, 'in 1 s'],
    [SECOND, 'in 1 s'],
    [SECOND + 1, 'in 2 s'],
    [59 * SECOND, 'in 59 s'],
    [59_001, 'in 1 min'],
    [72 * SECOND, 'in 1 min 12 s'],
    [HOUR, 'in 1 h'],
    [2 * DAY + 12 * HOUR + 5 * MINUTE, 'in 2 d 12 h'],
    [365 * DAY, 'in 1 y'],
    [400 * DAY, 'in 1 y 35 d'],
    [0, 'now'],
    [-999, 'now'],
    [-SECOND, '1 s ago'],
    [-119 * SECOND, '1 min ago'],
    [-5 * HOUR - 30 * MINUTE, '5 h ago'],
  ])('says %i ms as %s', (until, text) => {
    expect(relative(1_000_000_000_000 + until, 1_000_000_000_000)).toBe(text)
  })
})

describe('durations', () => {
  it.each([
    [0, '0 ms'],
    [1.42, '1.4 ms'],
    [120.25, '120 ms'],
    [999.4, '999 ms'],
    [999.9, '1 s'],
    [3120.5, '3.12 s'],
    [9_994, '9.99 s'],
    [12_345, '12.3 s'],
    [59_940, '59.9 s'],
    [59_960, '1 min'],
    [60_003, '1 min'],
    [3_725_000, '1 h 2 min'],
  ])('shows %d ms as %s', (ms, text) => {
    expect(measured(ms)).toBe(text)
  })

  it('says how late a start was', () => {
    expect(lateness(0.2)).toBe('on time')
    expect(lateness(3)).toBe('+3 ms')
    expect(lateness(1500)).toBe('+1.5 s')
  })

  it('leaves out a second unit of zero', () => {
    expect(wholeUnits(2 * HOUR)).toBe('2 h')
    expect(wholeUnits(2 * HOUR + 5 * SECOND)).toBe('2 h')
    expect(wholeUnits(90 * SECOND, 1)).toBe('1 min')
  })
})

describe('wall time', () => {
  const winter = new Date('2026-11-24T08:00:00Z')

  it('is shown with weekday and zone', () => {
    expect(absolute(winter, 'Europe/Madrid')).toBe('Tue 24 Nov 2026 09:00:00 CET')
    expect(absolute(winter, 'UTC')).toBe('Tue 24 Nov 2026 08:00:00 UTC')
  })

  it('follows daylight saving', () => {
    expect(absolute(new Date('2026-07-01T22:30:00Z'), 'Europe/Madrid')).toBe('Thu 2 Jul 2026 00:30:00 CEST')
  })

  it('shows midnight as 00', () => {
    expect(absolute(new Date('2026-11-24T00:00:00Z'), 'UTC')).toContain(' 00:00:00 ')
  })

  it('takes an unknown zone for UTC', () => {
    expect(absolute(winter, 'Mars/Olympus')).toBe('Tue 24 Nov 2026 08:00:00 UTC')
  })

  it('is shortened by the year of now and by seconds of zero', () => {
    const now = new Date('2026-01-01T00:00:00Z')
    expect(shortAbsolute(winter, 'Europe/Madrid', now)).toBe('Tue 24 Nov 09:00 CET')
    expect(shortAbsolute(new Date('2027-11-24T08:00:05Z'), 'UTC', now)).toBe('Wed 24 Nov 2027 08:00:05 UTC')
  })

  it('names the zone of this browser', () => {
    expect(browserZone()).toBe('Europe/Madrid')
  })

  it('lists the zones of the job, mine and UTC, each once', () => {
    expect(inZones(winter, 'America/New_York').map((row) => row.label)).toEqual(['Job', 'You', 'UTC'])
    expect(inZones(winter, 'Europe/Madrid').map((row) => row.label)).toEqual(['You', 'UTC'])
    expect(inZones(winter, 'Etc/UTC').map((row) => row.label)).toEqual(['You', 'UTC'])
    expect(inZones(winter, null).map((row) => row.label)).toEqual(['You', 'UTC'])
  })
})

describe('the shared clock', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_700_000_000_400 })
  })
  afterEach(() => {
    learnServerClock(new Date().toISOString(), Date.now(), Date.now())
    vi.useRealTimers()
  })

  it('ticks at every whole second, with one timer however many use it', () => {
    const scope = effectScope()
    const [first, second] = scope.run(() => [useNow(), useNow()]) ?? []
    expect(vi.getTimerCount()).toBe(1)
    vi.advanceTimersByTime(600)
    expect(first?.value).toBe(1_700_000_001_000)
    expect(second?.value).toBe(1_700_000_001_000)
    scope.stop()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('follows the server', () => {
    const now = Date.now()
    learnServerClock(new Date(now + 5_000).toISOString(), now, now)
    expect(serverSkewMs.value).toBe(5_000)
    expect(serverNow()).toBe(now + 5_000)
  })

  it('does not take the journey of an answer for a difference', () => {
    const now = Date.now()
    learnServerClock(new Date(now).toISOString(), now, now + 400)
    expect(serverSkewMs.value).toBe(0)
  })

  it('keeps what it knows when the answer is no time', () => {
    const now = Date.now()
    learnServerClock(new Date(now + 3_000).toISOString(), now, now)
    learnServerClock('soon', now, now)
    expect(serverSkewMs.value).toBe(3_000)
  })
})
