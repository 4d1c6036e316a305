// Keeps a box scrolled to its end while it grows, until the reader scrolls up.
import { nextTick, ref, watch, type Ref, type WatchSource } from 'vue'

/** Closer to the end than this counts as at the end. */
const AT_END_PX = 24

export interface Follow {
  following: Readonly<Ref<boolean>>
  onScroll: () => void
  toEnd: () => void
}

export function useFollow(box: Readonly<Ref<HTMLElement | null>>, growth: WatchSource): Follow {
  const following = ref(true)

  const toEnd = () => {
    following.value = true
    if (box.value !== null) box.value.scrollTop = box.value.scrollHeight
  }
  const onScroll = () => {
    const element = box.value
    if (element === null) return
    following.value = element.scrollHeight - element.scrollTop - element.clientHeight <= AT_END_PX
  }
  watch(growth, async () => {
    if (!following.value) return
    await nextTick()
    toEnd()
  })
  return { following, onScroll, toEnd }
}
