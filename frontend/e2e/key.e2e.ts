// A server that wants keys: the prompt, a key that is wrong, one that may only read, and one that may do more.
import type { Browser } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { axeViolations } from './axe'
import { launchBrowser, openPage } from './browser'
import { createShellJob, openForm, row } from './form'
import { startServer, type RunningServer } from './server'

describe('a server with keys', () => {
  let server: RunningServer
  let browser: Browser

  beforeAll(async () => {
    server = await startServer({ AUTH_ENABLED: 'true' })
    return server.stop
  })
  beforeAll(async () => {
    browser = await launchBrowser()
    return () => browser.close()
  })

  it('is used with the right key, which can be changed', async () => {
    const { page, faults, context } = await openPage(browser, server.url)
    const prompt = page.getByRole('dialog', { name: 'Sign in' })
    const give = async (key: string) => {
      await prompt.getByLabel('Key').fill(key)
      await page.keyboard.press('Enter')
    }
    await prompt.waitFor()
    expect(await axeViolations(page)).toEqual([])
    await page.keyboard.press('Escape')
    await give('ключ')
    await prompt.getByText('ASCII only').waitFor()
    await give('oneoff_wrong')
    await prompt.getByText('did not accept this key').waitFor()

    await give(await server.createKey('read'))
    await page.getByText('Nothing is scheduled yet').waitFor()
    const form = await openForm(page, 'Shell command')
    await form.getByLabel('Script').fill('true')
    await form.locator('button[type=submit]').click()
    await form.getByText('The API key may not do this').waitFor()
    await page.keyboard.press('Escape')
    await form.waitFor({ state: 'detached' })

    await page.getByRole('button', { name: 'Sign out' }).click()
    await give(await server.createKey('read,write'))
    await prompt.waitFor({ state: 'detached' })
    await createShellJob(page, { name: 'With a key', script: 'echo hello', when: 'in 1s' })
    await row(page, 'Recent executions', 'With a key').getByText('exit 0').first().waitFor()
    await page.reload()
    await row(page, 'Recent executions', 'With a key').waitFor()
    expect(faults.filter((fault) => !/\b40[13]\b/.test(fault))).toEqual([])
    await context.close()
  })

  it('shows whoever is restricted to projects the numbers of these', async () => {
    const admin = await server.createKey('admin')
    const ask = async (path: string, body: unknown) => {
      const response = await fetch(`${server.url}api/${path}`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${admin}`, 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      })
      expect(response.ok).toBe(true)
      return ((await response.json()) as { data: { id: string } }).data.id
    }
    const project = await ask('projects', { name: 'Nightly' })
    const job = { type: 'shell', config: { script: 'true' }, scheduled_at: 'in 90m' }
    await ask('jobs', { ...job, name: 'Of others' })
    await ask('jobs', { ...job, name: 'Own', project_id: project })
    const held = await ask('jobs', { ...job, name: 'Own and held', project_id: project })
    await ask(`jobs/${held}/hold`, {})

    const { page, faults, context } = await openPage(browser, server.url)
    const prompt = page.getByRole('dialog', { name: 'Sign in' })
    await prompt.getByLabel('Key').fill(await server.createKey('read', project))
    await page.keyboard.press('Enter')
    const summary = page.getByText('Your projects · 1 scheduled · 0 running · 1 held · next in 1 h')
    await summary.waitFor()
    await row(page, 'Upcoming jobs', 'Own and held').waitFor()
    expect(await row(page, 'Upcoming jobs', 'Of others').count()).toBe(0)
    expect(await axeViolations(page)).toEqual([])
    await page.reload()
    await summary.waitFor()
    await ask('jobs', { ...job, name: 'One more', project_id: project })
    await page.getByText('Your projects · 2 scheduled').waitFor()
    // Only the sign-in was refused, and nothing that tells of all projects was asked for.
    expect(faults.filter((fault) => !/\b401\b/.test(fault))).toEqual([])
    await context.close()
  })
})
