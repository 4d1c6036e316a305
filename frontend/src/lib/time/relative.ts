// The time until, or since, an instant: `in 1 min 12 s`, `3 min ago`.
import { wholeUnits } from './duration'

const SECOND = 1000

/** Rounds up what is to come, so that a countdown reaches `now` exactly at its instant. */
export function relative(instantMs: number, nowMs: number): string {
  const until = instantMs - nowMs
  if (until > 0) return `in ${wholeUnits(Math.ceil(until / SECOND) * SECOND)}`
  return since(-until)
}

function since(ms: number): string {
  if (ms < SECOND) return 'now'
  return `${wholeUnits(ms, 1)} ago`
}
