// Components as a person meets them: tables, actions, the form and its errors.
import { ApiError } from '@/api/problem'
import { actOnJob, createJob, deleteJob } from '@/api/jobs'
import { parseTime } from '@/api/system'
import { refusal } from '@/api/session'
import SignInPrompt from '@/features/auth/SignInPrompt.vue'
import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { enableAutoUnmount, flushPromises, mount } from '@vue/test-utils'
import { TooltipProvider } from 'reka-ui'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { h, type Component } from 'vue'
import { createMemoryHistory, createRouter } from 'vue-router'
import CreateJobForm from './create/CreateJobForm.vue'
import JobActions from './detail/JobActions.vue'
import { executionFixture, jobFixture } from './fixtures'
import { recentRows } from './recent'
import RecentTable from './RecentTable.vue'
import UpcomingTable from './UpcomingTable.vue'

vi.mock('@/api/jobs')
vi.mock('@/api/system')
enableAutoUnmount(afterEach)

function show(component: Component, props: Record<string, unknown>) {
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [{ path: '/', component: { render: () => null } }],
  })
  const root = mount(
    { render: () => h(TooltipProvider, null, { default: () => h(component, props) }) },
    {
      attachTo: document.body,
      global: { plugins: [router, [VueQueryPlugin, { queryClient: new QueryClient() }]] },
    },
  )
  return { root, component: root.findComponent(component) }
}

beforeEach(() => {
  document.body.innerHTML = ''
  vi.mocked(parseTime).mockResolvedValue({
    instant: new Date(Date.now() + 600_000).toISOString(),
    timezone: 'Europe/Madrid',
    local: '',
    description: '',
    in_ms: 600_000,
  })
})

describe('the upcoming table', () => {
  // No time passes between what is given and what is shown.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
  afterEach(() => void vi.useRealTimers())

  it('shows status as a word, the time left, priority, and links to the job', () => {
    const at = new Date(Date.now() + 72_500).toISOString()
    const { root } = show(UpcomingTable, { jobs: [jobFixture({ scheduled_at: at, priority: 9 })] })
    expect(root.text()).toContain('Scheduled')
    expect(root.text()).toContain('Priority 9')
    expect(root.get('time').text()).toMatch(/^in 1 min 1[23] s$/)
    expect(root.get('a').attributes('href')).toBe('/?job=j1')
  })

  it('says nothing of the usual priority, and of no time that there is none', () => {
    const { root } = show(UpcomingTable, { jobs: [jobFixture({ status: 'held', scheduled_at: null })] })
    expect(root.text()).not.toContain('Priority')
    expect(root.text()).toContain('No time set')
    expect(root.find('time').exists()).toBe(false)
  })

  it('says of what has just happened that it is now, where the shared clock is behind', () => {
    const completed = new Date(Date.now() + 900).toISOString()
    const rows = recentRows([executionFixture({ completed_at: completed })], [], false)
    expect(show(RecentTable, { rows }).root.get('time').text()).toBe('now')
  })

  it('shows names as text', () => {
    const { root } = show(UpcomingTable, { jobs: [jobFixture({ name: '<b>x</b>' })] })
    expect(root.get('a').text()).toBe('<b>x</b>')
  })
})

describe('the recent table', () => {
  it('shows outcome, result, duration and lateness', () => {
    const failed = executionFixture({ status: 'failed', exit_code: 3, result: null, lateness_ms: 1500 })
    const { root } = show(RecentTable, { rows: recentRows([failed], [], false) })
    for (const text of ['Failed', 'exit 3', '120 ms', '+1.5 s']) expect(root.text()).toContain(text)
  })
})

describe('the actions', () => {
  const labels = (status: string, fields = {}) => {
    const job = jobFixture({ ...fields, status: status as 'held' })
    const { root } = show(JobActions, { job })
    return root.findAll('button').map((button) => button.text())
  }

  it('are those that the status allows', () => {
    expect(labels('scheduled')).toEqual(['Run now', 'Hold', 'Cancel', 'Delete'])
    expect(labels('running')).toEqual(['Cancel'])
    expect(labels('failed')).toEqual(['Run again', 'Delete'])
    const hold = { reason: 'manual', by: 'local', at: '2026-11-24T08:00:00Z', until: null }
    expect(labels('held', { holds: [hold] })).toEqual(['Release', 'Cancel', 'Delete'])
    expect(labels('held', { holds: [{ ...hold, reason: 'chain' }] })).toEqual(['Cancel', 'Delete'])
  })

  it('ask before they delete, and do nothing when it is kept', async () => {
    vi.mocked(deleteJob).mockResolvedValue()
    const { root, component } = show(JobActions, { job: jobFixture({ status: 'failed' }) })
    const click = async (text: string) => {
      const buttons = [...document.querySelectorAll('button')]
      buttons.filter((button) => button.textContent.trim() === text).at(-1)?.click()
      await flushPromises()
    }
    await click('Delete')
    expect(document.querySelector('[role="alertdialog"]')?.textContent).toContain('Warm the cache')
    expect(deleteJob).not.toHaveBeenCalled()
    await click('Keep it')
    expect(document.querySelector('[role="alertdialog"]')).toBeNull()
    await click('Delete')
    await click('Delete')
    expect(deleteJob).toHaveBeenCalledExactlyOnceWith('j1')
    expect(component.emitted('deleted')).toHaveLength(1)
    root.unmount()
  })

  it('show the server’s refusal', async () => {
    vi.mocked(actOnJob).mockRejectedValue(new ApiError(409, 'illegal', 'Not now', 'It runs already'))
    const { root } = show(JobActions, { job: jobFixture() })
    await root.get('button').trigger('click')
    await flushPromises()
    expect(actOnJob).toHaveBeenCalledWith('j1', 'execute')
    expect(root.get('[role="alert"]').text()).toContain('It runs already')
  })
})

describe('the form', () => {
  it('sends one key for all submits, ties errors to inputs, and focuses the first', async () => {
    vi.mocked(createJob).mockRejectedValueOnce(
      new ApiError(400, 'invalid', 'Invalid', 'Two fields are wrong', [
        { pointer: '/priority', message: 'is too high' },
        { pointer: '/config/url', message: 'is no URL', hint: 'begin with https://' },
      ]),
    )
    const { root, component } = show(CreateJobForm, {})
    await flushPromises()
    await root.get('form').trigger('submit')
    await flushPromises()
    const url = root.get('input[inputmode="url"]')
    expect(url.attributes('aria-invalid')).toBe('true')
    const description = document.getElementById(url.attributes('aria-describedby') ?? '')
    expect(description?.textContent).toContain('is no URL')
    expect(description?.textContent).toContain('begin with https://')
    expect(document.activeElement).toBe(url.element)
    expect(root.find('[role="alert"]').exists()).toBe(false)

    await url.setValue('https://example.com/')
    expect(url.attributes('aria-invalid')).toBeUndefined()
    vi.mocked(createJob).mockResolvedValueOnce(jobFixture())
    await root.get('form').trigger('submit')
    await flushPromises()
    const [first, second] = vi.mocked(createJob).mock.calls
    expect(second?.[0]).toMatchObject({ config: { url: 'https://example.com/' }, timezone: 'Europe/Madrid' })
    expect(first?.[1]).toBe(second?.[1])
    expect(component.emitted('created')).toHaveLength(1)
  })

  it('shows what no input is to blame for', async () => {
    vi.mocked(createJob).mockRejectedValue(new ApiError(503, 'full', 'The disk is full', 'Nothing was written'))
    const { root } = show(CreateJobForm, {})
    await root.get('form').trigger('submit')
    await flushPromises()
    expect(root.get('[role="alert"]').text()).toContain('Nothing was written')
  })

  it('echoes the meaning of the time and says what submitting does', async () => {
    const { root } = show(CreateJobForm, {})
    await flushPromises()
    expect(parseTime).toHaveBeenCalledWith('in 10 min', 'Europe/Madrid', expect.anything())
    expect(root.get('[data-testid="time-echo"]').text()).toContain('in 10 min')
    expect(root.get('button[type="submit"]').text()).toBe('Schedule in 10 min')
  })

  it('shows what is wrong with the time', async () => {
    vi.mocked(parseTime).mockRejectedValue(
      new ApiError(400, 'invalid', 'Invalid', 'x', [{ pointer: '/expression', message: 'is past', hint: 'say tomorrow' }]),
    )
    const { root } = show(CreateJobForm, {})
    await flushPromises()
    expect(root.text()).toContain('is past')
    expect(root.text()).toContain('say tomorrow')
    expect(root.get('button[type="submit"]').text()).toBe('Schedule job')
  })
})

describe('the key prompt', () => {
  it('appears when a request is refused, and signs in', async () => {
    const answers = [
      new Response('{}', { status: 401 }),
      new Response(JSON.stringify({ data: { auth_enabled: true, csrf_token: 'c' } }), { status: 201 }),
    ]
    vi.spyOn(globalThis, 'fetch').mockImplementation(() => Promise.resolve(answers.shift()!))
    show(SignInPrompt, {})
    expect(document.querySelector('[role="dialog"]')).toBeNull()
    refusal.value = 'ended'
    await flushPromises()
    const dialog = document.querySelector('[role="dialog"]')!
    expect(dialog.textContent).toContain('session has ended')
    const give = async (key: string) => {
      const input = dialog.querySelector('input')!
      input.value = key
      input.dispatchEvent(new Event('input'))
      dialog.querySelector('form')!.dispatchEvent(new Event('submit'))
      await flushPromises()
    }
    await give('ключ')
    expect(fetch).not.toHaveBeenCalled()
    expect(dialog.textContent).toContain('ASCII only')
    await give('oneoff_wrong')
    expect(dialog.textContent).toContain('did not accept this key')
    await give(' oneoff_abc ')
    expect(vi.mocked(fetch).mock.calls[1]?.[1]?.body).toBe('{"key":"oneoff_abc"}')
    expect(document.querySelector('[role="dialog"]')).toBeNull()
  })
})
