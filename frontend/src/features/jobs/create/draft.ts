// What the form holds, and the request that it makes of it.
import type { FieldProblem } from '@/api/problem'
import type { CreateJob, JsonObject } from '@/api/types'

export type FormType = 'http' | 'shell'

/** The form's inputs as typed. */
export interface Draft {
  type: FormType
  name: string
  method: string
  url: string
  headers: string
  body: string
  script: string
  args: string
  workdir: string
  when: string
  timeoutSeconds: string
  maxRetries: string
  retryDelaySeconds: string
  priority: string
}

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'] as const

export function newDraft(): Draft {
  return {
    type: 'http',
    name: '',
    method: 'GET',
    url: '',
    headers: '',
    body: '',
    script: '',
    args: '',
    workdir: '',
    when: 'in 10 min',
    timeoutSeconds: '',
    maxRetries: '',
    retryDelaySeconds: '',
    priority: '5',
  }
}

/** A request, or what is wrong with inputs that cannot even be put into one. */
export type BuiltRequest = { job: CreateJob } | { problems: FieldProblem[] }

/** Builds the request. Whether the values are right is for the server to say. */
export function buildRequest(draft: Draft, timezone: string): BuiltRequest {
  const problems: FieldProblem[] = []
  const config = draft.type === 'http' ? httpConfig(draft, problems) : shellConfig(draft)
  const job: CreateJob = {
    ...(draft.name.trim() === '' ? {} : { name: draft.name.trim() }),
    type: draft.type,
    config,
    scheduled_at: draft.when.trim(),
    timezone,
    priority: Number(draft.priority),
    ...wholeNumber('timeout_seconds', draft.timeoutSeconds, problems),
    ...wholeNumber('max_retries', draft.maxRetries, problems),
    ...wholeNumber('retry_delay_seconds', draft.retryDelaySeconds, problems),
  }
  return problems.length > 0 ? { problems } : { job }
}

function httpConfig(draft: Draft, problems: FieldProblem[]): JsonObject {
  const headers = parseHeaders(draft.headers, problems)
  return {
    url: draft.url.trim(),
    method: draft.method,
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    ...(draft.body === '' ? {} : { body: draft.body }),
  }
}

function shellConfig(draft: Draft): JsonObject {
  const args = draft.args.split('\n').filter((line) => line !== '')
  return {
    script: draft.script,
    ...(args.length === 0 ? {} : { args }),
    ...(draft.workdir.trim() === '' ? {} : { workdir: draft.workdir.trim() }),
  }
}

function parseHeaders(text: string, problems: FieldProblem[]): Record<string, string> {
  const headers = new Map<string, string>()
  for (const line of text.split('\n').filter((entry) => entry.trim() !== '')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).trim()
    if (colon < 1 || name === '') {
      problems.push({ pointer: '/config/headers', message: `“${line.trim()}” is not a header.`, hint: 'One per line: Name: value' })
    } else if (headers.has(name)) {
      problems.push({ pointer: '/config/headers', message: `${name} is given twice.` })
    } else {
      headers.set(name, line.slice(colon + 1).trim())
    }
  }
  return Object.fromEntries(headers)
}

function wholeNumber(name: string, text: string, problems: FieldProblem[]): Record<string, number> {
  const trimmed = text.trim()
  if (trimmed === '') return {}
  const value = Number(trimmed)
  if (!/^-?\d+$/.test(trimmed) || !Number.isSafeInteger(value)) {
    problems.push({ pointer: `/${name}`, message: 'This is not a whole number.', hint: 'Digits only, such as 30' })
    return {}
  }
  return { [name]: value }
}
