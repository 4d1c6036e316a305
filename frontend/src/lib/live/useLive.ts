// Ties the live connection to the page: events make queries stale, a hidden page is disconnected.
import { refusal } from '@/api/session'
import { useQueryClient } from '@tanstack/vue-query'
import { onMounted, onUnmounted, readonly, ref, watch, type Ref } from 'vue'
import { coalesce } from './coalesce'
import { LiveConnection, type LiveState } from './connection'

/** A page that is hidden for longer gives its connection back: browsers allow six per server. */
const HIDDEN_GRACE_MS = 10_000
const REFETCH_INTERVAL_MS = 250

/** Everything that the server's events concern. */
export const LIVE_KEY = 'live'

/** Keeps every query whose key begins with [`LIVE_KEY`] up to date while the component lives. */
export function useLive(): Readonly<Ref<LiveState>> {
  const queryClient = useQueryClient()
  const state = ref<LiveState>('connecting')
  const refetch = coalesce(
    () => queryClient.invalidateQueries({ queryKey: [LIVE_KEY] }),
    REFETCH_INTERVAL_MS,
  )
  const connection = new LiveConnection({
    changed: (next) => {
      state.value = next
    },
    stale: () => refetch(),
  })
  let hiddenTimer: ReturnType<typeof setTimeout> | undefined

  const followVisibility = () => {
    clearTimeout(hiddenTimer)
    if (document.hidden) {
      hiddenTimer = setTimeout(() => connection.stop(), HIDDEN_GRACE_MS)
    } else if (refusal.value === null) {
      connection.start()
    }
  }

  onMounted(() => {
    document.addEventListener('visibilitychange', followVisibility)
    followVisibility()
  })
  onUnmounted(() => {
    document.removeEventListener('visibilitychange', followVisibility)
    clearTimeout(hiddenTimer)
    connection.stop()
  })
  // Without a key there is nothing to hear; with a new one, what was refused is asked for again.
  watch(refusal, (now) => {
    if (now !== null) {
      connection.stop()
      return
    }
    connection.start()
    refetch()
  })

  return readonly(state)
}
