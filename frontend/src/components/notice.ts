// The message that the page shows about what was just done.
import { readonly, ref, type Ref } from 'vue'

const current = ref<string | null>(null)

export const notice: Readonly<Ref<string | null>> = readonly(current)

export function say(text: string): void {
  current.value = text
}

/** A name in quotes, whose direction of writing does not reach the text around it. */
export function quoted(name: string): string {
  return `“\u2068${name}\u2069”`
}

export function clearNotice(): void {
  current.value = null
}
