// Errors as people meet them: RFC 9457 problem documents, and what is said when there is none.

export interface FieldProblem {
  pointer: string
  message: string
  hint?: string
}

/** An error of the API, with the server's own words. */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  constructor(
    /** 0 when there was no answer. */
    readonly status: number,
    readonly code: string,
    readonly title: string,
    message: string,
    readonly errors: readonly FieldProblem[] = [],
    readonly requestId: string | null = null,
  ) {
    super(message)
  }
}

/** Reads the answer to a request that failed, whatever wrote it. */
export async function errorFromResponse(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '')
  const body = parseObject(text)
  if (body === null) {
    const fallback = `The server answered ${response.status} ${response.statusText}`.trim()
    return new ApiError(response.status, 'unexpected_answer', fallback, fallback)
  }
  const title = stringOf(body.title) ?? `Error ${response.status}`
  const detail = stringOf(body.detail) ?? stringOf(body.error) ?? title
  return new ApiError(
    response.status,
    stringOf(body.code) ?? 'unknown',
    title,
    detail,
    fieldProblems(body.errors),
    stringOf(body.request_id) ?? response.headers.get('x-request-id'),
  )
}

/** Whatever was thrown, as an [`ApiError`]. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  const detail = error instanceof Error ? error.message : String(error)
  const message = 'The server cannot be reached. Check that it is running, then try again.'
  return new ApiError(0, 'unreachable', 'No answer', message, [], detail)
}

function fieldProblems(value: unknown): FieldProblem[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) return []
    const { pointer, message, hint } = entry as Record<string, unknown>
    if (typeof pointer !== 'string' || typeof message !== 'string') return []
    return [typeof hint === 'string' ? { pointer, message, hint } : { pointer, message }]
  })
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
