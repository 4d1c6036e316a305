// How each status looks: word, icon and tone.
import type { JobStatus } from '@/api/types'
import { Ban, CircleCheck, CirclePause, CircleX, Clock, ClockAlert, LoaderCircle } from '@lucide/vue'
import type { Component } from 'vue'

export interface StatusLook {
  word: string
  icon: Component
  tone: string
}

const LOOKS: Record<JobStatus, StatusLook> = {
  scheduled: { word: 'Scheduled', icon: Clock, tone: 'bg-accent-soft text-accent' },
  running: { word: 'Running', icon: LoaderCircle, tone: 'bg-busy-soft text-busy' },
  held: { word: 'Held', icon: CirclePause, tone: 'bg-warn-soft text-warn' },
  completed: { word: 'Completed', icon: CircleCheck, tone: 'bg-good-soft text-good' },
  failed: { word: 'Failed', icon: CircleX, tone: 'bg-bad-soft text-bad' },
  cancelled: { word: 'Cancelled', icon: Ban, tone: 'bg-sunken text-muted' },
  missed: { word: 'Missed', icon: ClockAlert, tone: 'bg-warn-soft text-warn' },
}

export function statusLook(status: JobStatus): StatusLook {
  return LOOKS[status]
}
