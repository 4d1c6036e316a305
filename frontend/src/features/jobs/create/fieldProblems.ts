// Which input each of the server's complaints belongs to.
import type { FieldProblem } from '@/api/problem'
import type { Draft, FormType } from './draft'

export type Field = keyof Draft
export type ProblemsByField = Partial<Record<Field, FieldProblem[]>>

const POINTERS: Record<string, Field> = {
  '/type': 'type',
  '/name': 'name',
  '/scheduled_at': 'when',
  '/timezone': 'when',
  '/disambiguation': 'when',
  '/timeout_seconds': 'timeoutSeconds',
  '/max_retries': 'maxRetries',
  '/retry_delay_seconds': 'retryDelaySeconds',
  '/retry_max_delay_seconds': 'retryDelaySeconds',
  '/priority': 'priority',
}

const CONFIG_POINTERS: Record<FormType, Record<string, Field>> = {
  http: {
    '/config/url': 'url',
    '/config/method': 'method',
    '/config/headers': 'headers',
    '/config/body': 'body',
  },
  shell: {
    '/config/script': 'script',
    '/config/args': 'args',
    '/config/workdir': 'workdir',
  },
}

/** The input of a pointer, also for one that points into the input's value: `/config/args/2`. */
export function fieldOf(pointer: string, type: FormType): Field | null {
  const pointers = { ...POINTERS, ...CONFIG_POINTERS[type] }
  for (let path = pointer; path !== ''; path = path.slice(0, path.lastIndexOf('/'))) {
    const field = pointers[path]
    if (field !== undefined) return field
  }
  return null
}

export interface SortedProblems {
  fields: ProblemsByField
  /** Those that belong to no input of the form. */
  others: FieldProblem[]
}

export function sortProblems(problems: readonly FieldProblem[], type: FormType): SortedProblems {
  const fields: ProblemsByField = {}
  const others: FieldProblem[] = []
  for (const problem of problems) {
    const field = fieldOf(problem.pointer, type)
    if (field === null) others.push(problem)
    else (fields[field] ??= []).push(problem)
  }
  return { fields, others }
}
