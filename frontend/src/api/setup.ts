// The first key of a server, by the link in its log.
import { errorFromResponse, toApiError } from './problem'
import { apiUrl } from './url'

/** Makes the first key. The link is used up by it. */
export async function makeFirstKey(token: string, name: string): Promise<string> {
  let response: Response
  try {
    response = await fetch(apiUrl('api/setup'), {
      method: 'POST',
      headers: { Accept: 'application/json', 'Content-Type': 'application/json' },
      body: JSON.stringify({ token, name }),
      cache: 'no-store',
    })
  } catch (error) {
    throw toApiError(error)
  }
  if (!response.ok) throw await errorFromResponse(response)
  const { data } = (await response.json()) as { data: { key: string } }
  return data.key
}
