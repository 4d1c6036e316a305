// The API key of this browser tab, and whether the server wants one.
import { readonly, ref, type Ref } from 'vue'

const STORAGE_NAME = 'oneoff.api-key'

/** Whether a request was refused for want of a valid key, and which key that was. */
export const refusal: Ref<{ hadKey: boolean } | null> = ref(null)

const given = ref(sessionStorage.getItem(STORAGE_NAME) !== null)

/** Whether this tab has a key. */
export const hasKey: Readonly<Ref<boolean>> = readonly(given)

/** Whether a key can be sent at all: a header takes no white space and nothing beyond ASCII. */
export function canBeKey(text: string): boolean {
  return /^[!-~]+$/.test(text)
}

/** The key, if one was given in this tab. */
export function storedKey(): string | null {
  return sessionStorage.getItem(STORAGE_NAME)
}

/** Keeps the key until the tab is closed. */
export function storeKey(key: string): void {
  sessionStorage.setItem(STORAGE_NAME, key)
  given.value = true
  refusal.value = null
}

/** The header that carries the key, if there is one. */
export function authorization(): Record<string, string> {
  const key = storedKey()
  return key === null ? {} : { Authorization: `Bearer ${key}` }
}

/** A request was answered 401. The key that it carried is forgotten, a newer one is kept. */
export function refused(sentAuthorization: string | undefined): void {
  const hadKey = sentAuthorization !== undefined
  if (authorization().Authorization !== sentAuthorization) return
  forget()
  refusal.value = { hadKey }
}

/** Asks for another key than the one that this tab has. */
export function askForKey(): void {
  forget()
  refusal.value = { hadKey: false }
}

function forget(): void {
  sessionStorage.removeItem(STORAGE_NAME)
  given.value = false
}
