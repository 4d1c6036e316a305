// The API key of this browser tab, and whether the server wants one.
import { ref, type Ref } from 'vue'

const STORAGE_NAME = 'oneoff.api-key'

/** Whether a request was refused for want of a valid key, and which key that was. */
export const refusal: Ref<{ hadKey: boolean } | null> = ref(null)

/** The key, if one was given in this tab. */
export function storedKey(): string | null {
  return sessionStorage.getItem(STORAGE_NAME)
}

/** Keeps the key until the tab is closed. */
export function storeKey(key: string): void {
  sessionStorage.setItem(STORAGE_NAME, key)
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
  sessionStorage.removeItem(STORAGE_NAME)
  refusal.value = { hadKey }
}
