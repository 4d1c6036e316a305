// The server's wall clock as far as this browser knows it, and one timer that all relative times share.
import { onScopeDispose, readonly, ref, type Ref } from 'vue'

const nowMs = ref(Date.now())
const skewMs = ref(0)
let users = 0
let timer: ReturnType<typeof setTimeout> | undefined

/** How far the server's clock is ahead of this browser's. */
export const serverSkewMs: Readonly<Ref<number>> = readonly(skewMs)

/** The server's wall time now, in milliseconds. */
export function serverNow(): number {
  return Date.now() + skewMs.value
}

/** Learns the server's clock from an answer: `sentAt` and `receivedAt` are this browser's times. */
export function learnServerClock(serverTime: string, sentAt: number, receivedAt: number): void {
  const server = Date.parse(serverTime)
  const uncertainty = (receivedAt - sentAt) / 2
  const skew = server - (sentAt + uncertainty)
  if (Number.isNaN(skew)) return
  // A difference that the journey alone may explain is none.
  skewMs.value = Math.abs(skew) <= uncertainty + 50 ? 0 : Math.round(skew)
}

/** The server's wall time, ticking every second for as long as the calling scope lives. */
export function useNow(): Readonly<Ref<number>> {
  users += 1
  if (users === 1) {
    document.addEventListener('visibilitychange', tick)
    tick()
  }
  onScopeDispose(() => {
    users -= 1
    if (users > 0) return
    document.removeEventListener('visibilitychange', tick)
    clearTimeout(timer)
  })
  return readonly(nowMs)
}

function tick(): void {
  clearTimeout(timer)
  const now = serverNow()
  nowMs.value = now
  // Nobody sees a hidden page; it ticks again when it is shown.
  if (document.hidden) return
  timer = setTimeout(tick, 1000 - (now % 1000))
}
