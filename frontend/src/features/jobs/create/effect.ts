// What submitting the form will do, in the words of its button.
import { shortAbsolute } from '@/lib/time/absolute'
import { relative } from '@/lib/time/relative'
import type { ParsedTime } from '@/api/types'
import { wholeUnits } from '@/lib/time/duration'

/** Below this a job is said to run now. */
const NOW_MS = 1_000

export function effectText(parsed: ParsedTime | null, fromNow: boolean, nowMs: number, zone: string): string {
  if (parsed === null) return 'Schedule job'
  if (fromNow && parsed.in_ms < NOW_MS) return 'Run now'
  if (fromNow) return `Schedule in ${wholeUnits(Math.round(parsed.in_ms / 1000) * 1000)}`
  const instant = new Date(parsed.instant)
  return `Schedule for ${shortAbsolute(instant, zone, new Date(nowMs))}, ${relative(instant.getTime(), nowMs)}`
}
