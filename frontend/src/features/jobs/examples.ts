// Jobs to try OneOff with: they need nothing but this server.
import { apiUrl } from '@/api/url'
import type { CreateJob } from '@/api/types'
import { browserZone } from '@/lib/time/absolute'

export interface Example {
  title: string
  text: string
  job: () => CreateJob
}

export const EXAMPLES: readonly Example[] = [
  {
    title: 'Shell: say hello',
    text: 'Prints a line and the time.',
    job: () => ({
      name: 'Say hello',
      type: 'shell',
      config: { script: 'echo "Hello from OneOff"\ndate' },
      ...inTenSeconds(),
    }),
  },
  {
    title: 'HTTP: check this server',
    text: 'Requests this server’s own /health.',
    job: () => ({
      name: 'Check the health of this server',
      type: 'http',
      config: { method: 'GET', url: apiUrl('health') },
      ...inTenSeconds(),
    }),
  },
]

function inTenSeconds() {
  return { scheduled_at: 'in 10s', timezone: browserZone() }
}
