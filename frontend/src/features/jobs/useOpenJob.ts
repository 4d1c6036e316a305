// Which job the drawer shows. It is in the address, so that it can be linked to and the back button closes it.
import { computed, type WritableComputedRef } from 'vue'
import { useRoute, useRouter, type RouteLocationRaw } from 'vue-router'

/** Where the drawer of a job is. */
export function jobLocation(id: string): RouteLocationRaw {
  return { query: { job: id } }
}

export function useOpenJob(): WritableComputedRef<string | null> {
  const route = useRoute()
  const router = useRouter()
  return computed({
    get: () => (typeof route.query.job === 'string' ? route.query.job : null),
    set: (id) => void router.push(id === null ? { query: {} } : jobLocation(id)),
  })
}
