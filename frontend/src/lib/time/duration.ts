// Lengths of time for people: `1 min 12 s`, `2 d 12 h`, `340 ms`.

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const YEAR = 365 * DAY

const UNITS = [
  { ms: YEAR, name: 'y' },
  { ms: DAY, name: 'd' },
  { ms: HOUR, name: 'h' },
  { ms: MINUTE, name: 'min' },
  { ms: SECOND, name: 's' },
] as const

/** Whole seconds as the two largest units: `1 min 12 s`, `3 h`. Zero is `0 s`. */
export function wholeUnits(ms: number, parts: 1 | 2 = 2): string {
  const index = UNITS.findIndex((unit) => ms >= unit.ms)
  const unit = UNITS[index]
  if (unit === undefined) return '0 s'
  const first = `${Math.floor(ms / unit.ms)} ${unit.name}`
  const next = UNITS[index + 1]
  if (parts === 1 || next === undefined) return first
  const rest = Math.floor((ms % unit.ms) / next.ms)
  return rest === 0 ? first : `${first} ${rest} ${next.name}`
}

/** A measured duration: milliseconds below a second, three digits below a minute. */
export function measured(ms: number): string {
  if (ms < 10) return `${trimmed(ms, 1)} ms`
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 9_995) return `${trimmed(ms / SECOND, 2)} s`
  if (ms < 59_950) return `${trimmed(ms / SECOND, 1)} s`
  return wholeUnits(Math.max(MINUTE, Math.round(ms / SECOND) * SECOND))
}

/** How late a start was: `+3 ms`, `on time` below half a millisecond. */
export function lateness(ms: number): string {
  return ms < 0.5 ? 'on time' : `+${measured(ms)}`
}

function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)))
}
