// Submitting the form: the request, what came of it, and where the complaints go.
import { newIdempotencyKey } from '@/api/idempotency'
import { createJob } from '@/api/jobs'
import { toApiError, type ApiError, type FieldProblem } from '@/api/problem'
import type { Job } from '@/api/types'
import { LIVE_KEY } from '@/lib/live/useLive'
import { useQueryClient } from '@tanstack/vue-query'
import { computed, ref, type ComputedRef, type Ref } from 'vue'
import { buildRequest, type Draft } from './draft'
import { sortProblems, type Field, type ProblemsByField } from './fieldProblems'

export interface CreateJobForm {
  busy: Ref<boolean>
  /** Problems by input, as of the last submit. */
  problems: ComputedRef<ProblemsByField>
  /** What no input is to blame for. */
  failure: ComputedRef<ApiError | null>
  /** Creates the job; null if it was refused. */
  submit: () => Promise<Job | null>
}

/** One key for as long as the form is open: a repeated submit never makes a second job. */
export function useCreateJob(draft: Readonly<Ref<Draft>>, timezone: string): CreateJobForm {
  const idempotencyKey = newIdempotencyKey()
  const queryClient = useQueryClient()
  const busy = ref(false)
  const local = ref<FieldProblem[]>([])
  const error = ref<ApiError | null>(null)

  const submitted = ref<Draft>({ ...draft.value })

  const sorted = computed(() =>
    sortProblems([...local.value, ...(error.value?.errors ?? [])], submitted.value.type),
  )
  /** What was said about an input that has been changed since does not hold any more. */
  const current = computed(() => {
    const entries = Object.entries(sorted.value.fields) as [Field, FieldProblem[]][]
    return Object.fromEntries(
      entries.filter(([field]) => draft.value[field] === submitted.value[field]),
    )
  })

  const submit = async () => {
    if (busy.value) return null
    submitted.value = { ...draft.value }
    const built = buildRequest(draft.value, timezone)
    local.value = 'problems' in built ? built.problems : []
    error.value = null
    if ('problems' in built) return null
    busy.value = true
    try {
      const job = await createJob(built.job, idempotencyKey)
      void queryClient.invalidateQueries({ queryKey: [LIVE_KEY] })
      return job
    } catch (thrown) {
      error.value = toApiError(thrown)
      return null
    } finally {
      busy.value = false
    }
  }

  return {
    busy,
    problems: current,
    failure: computed(() => {
      const { value } = error
      if (value === null) return null
      return value.errors.length === 0 || sorted.value.others.length > 0 ? value : null
    }),
    submit,
  }
}
