// What a program does with the generated client: it creates jobs, waits for their end and reads what became of them.
import assert from 'node:assert/strict'
import { createClient } from './generated/client/index.js'
import { createJob, deleteJob, getExecution, getJob, listJobs, updateJob } from './generated/sdk.gen.js'
import type { CreateJob, Execution, Job } from './generated/types.gen.js'

const { ONEOFF_URL: baseUrl, ONEOFF_KEY: key } = process.env
assert(baseUrl && key)
const client = createClient({ baseUrl, auth: ({ scheme }) => (scheme === 'bearer' ? key : undefined) })

function shell(script: string, more: Partial<CreateJob>): CreateJob {
  return { type: 'shell', config: { script }, ...more }
}

/** Creates a job, and answers it and its execution once it is over. */
async function run(body: CreateJob): Promise<{ job: Job; execution: Execution }> {
  const made = await createJob({ client, body, throwOnError: true })
  assert.equal(made.response.status, 201)
  const id = made.data.data.id
  const { data: job } = (await getJob({ client, path: { id }, query: { wait: '30s' }, throwOnError: true })).data
  assert(job.last_execution)
  const read = await getExecution({ client, path: { id: job.last_execution }, throwOnError: true })
  return { job, execution: read.data.data }
}

const { job, execution } = await run(shell('echo from typescript', { name: 'generated', scheduled_at: 'now' }))
assert.deepEqual([job.name, job.status], ['generated', 'completed'])
assert.deepEqual([execution.status, execution.exit_code, execution.output], ['completed', 0, 'from typescript\n'])

const failed = await run(shell('exit 3', { scheduled_at: 'now' }))
assert.deepEqual([failed.job.status, failed.execution.reason, failed.execution.exit_code], ['failed', 'exit_code', 3])

const waiting = (await createJob({ client, body: shell('true', { scheduled_at: 'in 2h' }), throwOnError: true })).data.data
const path = { id: waiting.id }
const moved = (await updateJob({ client, path, body: { priority: 9, name: 'moved' }, throwOnError: true })).data.data
assert.deepEqual([moved.priority, moved.name, moved.version], [9, 'moved', waiting.version + 1])
const page = (await listJobs({ client, query: { status: ['scheduled'], total: true }, throwOnError: true })).data
assert.deepEqual([page.data.map((one) => one.name), page.total], [['moved'], 1])
assert.equal((await deleteJob({ client, path })).response?.status, 204)
assert.equal((await getJob({ client, path })).error?.code, 'not_found')

const refused = await createJob({ client, body: shell('true', { scheduled_at: 'whenever' }) })
assert.equal(refused.error?.errors?.[0]?.pointer, '/scheduled_at')
const stranger = createClient({ baseUrl, auth: () => 'oneoff_nobody' })
assert.equal((await listJobs({ client: stranger })).error?.code, 'unauthorized')
