// What the typed time means, asked from the server a moment after the last key.
import { toApiError, type FieldProblem } from '@/api/problem'
import { parseTime } from '@/api/system'
import type { ParsedTime } from '@/api/types'
import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { computed, onScopeDispose, ref, watch, type ComputedRef, type Ref } from 'vue'

const DEBOUNCE_MS = 200
/** A time that is counted from now moves on while the form is open. */
const REPEAT_MS = 5_000

export interface TimeEcho {
  parsed: ComputedRef<ParsedTime | null>
  problems: ComputedRef<FieldProblem[]>
  /** Whether it is counted from the moment of submitting. */
  fromNow: ComputedRef<boolean>
}

/** Whether an expression is counted from now: `now`, `now + 5m`, `in 2h`, `+90s`. */
export function isFromNow(expression: string): boolean {
  return /^\s*(?:now\b|in\b|\+)/i.test(expression)
}

export function useParsedTime(expression: Ref<string>, timezone: string): TimeEcho {
  const settled = ref(expression.value.trim())
  let timer: ReturnType<typeof setTimeout> | undefined
  watch(expression, (text) => {
    clearTimeout(timer)
    timer = setTimeout(() => (settled.value = text.trim()), DEBOUNCE_MS)
  })
  onScopeDispose(() => clearTimeout(timer))

  const query = useQuery({
    queryKey: computed(() => ['time', settled.value, timezone]),
    queryFn: ({ signal }) => parseTime(settled.value, timezone, signal),
    enabled: computed(() => settled.value !== ''),
    placeholderData: keepPreviousData,
    refetchInterval: REPEAT_MS,
    gcTime: 0,
    retry: false,
  })
  const isCurrent = computed(() => expression.value.trim() === settled.value && settled.value !== '')
  return {
    parsed: computed(() => {
      if (settled.value === '' || query.isError.value) return null
      return query.data.value ?? null
    }),
    problems: computed(() => (isCurrent.value && query.error.value !== null ? problemsOf(query.error.value) : [])),
    fromNow: computed(() => isFromNow(settled.value)),
  }
}

function problemsOf(error: unknown): FieldProblem[] {
  const { errors, message } = toApiError(error)
  return errors.length > 0 ? [...errors] : [{ pointer: '/expression', message }]
}
