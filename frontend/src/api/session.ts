// Who is signed in. The key becomes a cookie that no script can read; what a change must carry beside it is kept here.
import { computed, ref, type ComputedRef, type Ref } from 'vue'
import { errorFromResponse, toApiError } from './problem'
import { apiUrl } from './url'

/** Why the server wants a key: none was given, this one is wrong, or the session has ended. */
export type Refusal = 'no-key' | 'wrong-key' | 'ended'

interface SessionAnswer {
  data: {
    auth_enabled: boolean
    csrf_token: string | null
    api_key?: { project_ids: string[] | null } | null
  }
}

/** Set while the server wants a key. */
export const refusal: Ref<Refusal | null> = ref(null)

const csrfToken = ref<string | null>(null)
/** Whether the key is good for some projects only. */
let hasSomeProjects = false
/** Rises with every sign-in and sign-out: what was sent before says nothing about the present session. */
let generation = 0
let isKnown = false

/** Whether there is a session. */
export const isSignedIn: ComputedRef<boolean> = computed(() => csrfToken.value !== null)

/** Whether a text can be a key at all: no white space, and nothing beyond ASCII. */
export function canBeKey(text: string): boolean {
  return /^[!-~]+$/.test(text)
}

/** Asks the server who is signed in. */
export async function loadSession(): Promise<void> {
  const asked = generation
  const response = await ask('GET')
  if (response.status === 401) {
    refused(asked)
    return
  }
  await take(response)
}

/** Signs in. A key that the server does not accept is a refusal. */
export async function signIn(key: string): Promise<void> {
  const response = await ask('POST', { 'Content-Type': 'application/json' }, JSON.stringify({ key }))
  if (response.status === 401) {
    refusal.value = 'wrong-key'
    return
  }
  await take(response)
  refusal.value = null
}

/** Signs out, and asks for a key. */
export async function signOut(): Promise<void> {
  const response = await ask('DELETE', await changeHeaders())
  if (!response.ok && response.status !== 401) throw await errorFromResponse(response)
  forget()
  refusal.value = 'no-key'
}

/** What a change carries by which the server knows that a page of its own sent it. */
export async function changeHeaders(): Promise<Record<string, string>> {
  if (!isKnown) await loadSession()
  return csrfToken.value === null ? {} : { 'X-CSRF-Token': csrfToken.value }
}

/** Whether the caller may see some projects only: what tells of all of them is not for such a caller. */
export async function isRestricted(): Promise<boolean> {
  if (!isKnown) await loadSession()
  return hasSomeProjects
}

/** The session as it is when a request is sent, for [`refused`]. */
export function sessionNow(): number {
  return generation
}

/** A request that was sent in this session was answered 401. */
export function refused(sentIn: number): void {
  if (sentIn !== generation) return
  const why = csrfToken.value === null ? 'no-key' : 'ended'
  forget()
  refusal.value = why
}

/** Forgets what is known of the session, as another tab may have begun another one. */
export function forget(): void {
  generation += 1
  isKnown = false
  csrfToken.value = null
  hasSomeProjects = false
}

async function ask(method: string, headers: Record<string, string> = {}, body: string | null = null) {
  try {
    return await fetch(apiUrl('api/session'), {
      method,
      headers: { Accept: 'application/json', ...headers },
      body,
      cache: 'no-store',
    })
  } catch (error) {
    throw toApiError(error)
  }
}

async function take(response: Response): Promise<void> {
  if (!response.ok) throw await errorFromResponse(response)
  const { data } = (await response.json()) as SessionAnswer
  generation += 1
  isKnown = true
  csrfToken.value = data.csrf_token
  hasSomeProjects = (data.api_key?.project_ids ?? null) !== null
}
