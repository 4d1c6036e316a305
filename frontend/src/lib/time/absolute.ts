// Instants as wall time in a zone: `Tue 24 Nov 2026 09:00:00 CET`.

const formats = new Map<string, Intl.DateTimeFormat>()

/** The IANA zone of this browser. */
export function browserZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'
}

/** Weekday, date, time to the second and the zone's short name. An unknown zone is shown as UTC. */
export function absolute(instant: Date, zone: string): string {
  const parts = partsOf(instant, zone)
  return `${dayOf(parts)} ${parts.year} ${clockOf(parts)}:${parts.second} ${parts.timeZoneName}`
}

/** Without seconds, unless there are some, and without the year, unless it is another than now's. */
export function shortAbsolute(instant: Date, zone: string, now: Date): string {
  const parts = partsOf(instant, zone)
  const year = parts.year === partsOf(now, zone).year ? '' : ` ${parts.year}`
  const seconds = parts.second === '00' ? '' : `:${parts.second}`
  return `${dayOf(parts)}${year} ${clockOf(parts)}${seconds} ${parts.timeZoneName}`
}

export interface ZonedTime {
  label: string
  text: string
}

/** The instant in the job's zone, in mine and in UTC; zones that are the same are shown once. */
export function inZones(instant: Date, jobZone: string | null): ZonedTime[] {
  const mine = browserZone()
  const rows = [
    { label: 'Job', zone: jobZone ?? mine },
    { label: 'You', zone: mine },
    { label: 'UTC', zone: 'UTC' },
  ]
  return rows
    .filter(({ zone }, index) => !rows.slice(index + 1).some((later) => isSameZone(later.zone, zone)))
    .map(({ label, zone }) => ({ label, text: absolute(instant, zone) }))
}

type Parts = Record<
  'weekday' | 'day' | 'month' | 'year' | 'hour' | 'minute' | 'second' | 'timeZoneName',
  string
>

function dayOf(parts: Parts): string {
  return `${parts.weekday} ${parts.day} ${parts.month}`
}

function clockOf(parts: Parts): string {
  return `${parts.hour}:${parts.minute}`
}

function partsOf(instant: Date, zone: string): Parts {
  const entries = formatFor(zone)
    .formatToParts(instant)
    .map((part) => [part.type, part.value] as const)
  return Object.fromEntries(entries) as Parts
}

function formatFor(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known !== undefined) return known
  const format = newFormat(zone)
  formats.set(zone, format)
  return format
}

function newFormat(zone: string): Intl.DateTimeFormat {
  const options: Intl.DateTimeFormatOptions = {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
  }
  try {
    return new Intl.DateTimeFormat('en-GB', { ...options, timeZone: zone })
  } catch {
    return new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' })
  }
}

function isSameZone(a: string, b: string): boolean {
  return formatFor(a).resolvedOptions().timeZone === formatFor(b).resolvedOptions().timeZone
}
