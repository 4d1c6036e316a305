// Addresses of the API, relative to the document's base: the server may live under any path.

export type QueryValue = string | number | boolean | undefined

/** The absolute address of an API path such as `api/jobs`, with its query. */
export function apiUrl(path: string, query: Record<string, QueryValue> = {}): string {
  const url = new URL(path, document.baseURI)
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value))
  }
  return url.href
}
