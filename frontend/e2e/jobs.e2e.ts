// A person at work: creates jobs, watches them run, reads their output, cancels one.
import type { Browser } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser, openPage, type WatchedPage } from './browser'
import { createShellJob, openForm, row } from './form'
import { startServer, type RunningServer } from './server'

describe('the jobs page', () => {
  let server: RunningServer
  let browser: Browser
  let watched: WatchedPage

  beforeAll(async () => {
    server = await startServer()
    return server.stop
  })
  beforeAll(async () => {
    browser = await launchBrowser()
    return () => browser.close()
  })
  beforeAll(async () => {
    watched = await openPage(browser, server.url)
  })

  it('is served with a policy that allows nothing foreign', async () => {
    const response = await fetch(server.url)
    expect(response.headers.get('content-security-policy')).toContain("default-src 'self'")
    expect(await response.text()).toContain('id="app"')
  })

  it('is live, and offers examples while there is nothing', async () => {
    const { page } = watched
    await page.getByText('Nothing is scheduled yet').waitFor()
    await page.getByRole('status').filter({ hasText: 'Live' }).waitFor()
  })

  it('runs a shell job at its time: counts down, completes, shows its output', async () => {
    const { page } = watched
    await createShellJob(page, { name: 'From the form', script: 'echo hello from the browser', when: 'in 15s' })
    const upcoming = row(page, 'Upcoming jobs', 'From the form')
    await upcoming.getByText(/^in \d+ s$/).waitFor()

    const recent = row(page, 'Recent executions', 'From the form')
    await recent.getByText('Completed').first().waitFor({ timeout: 40_000 })
    await upcoming.waitFor({ state: 'detached' })
    expect(await recent.innerText()).toContain('exit 0')

    await recent.getByRole('link').click()
    const drawer = page.getByRole('dialog', { name: 'From the form' })
    await drawer.getByRole('region', { name: 'Output text' }).getByText('hello from the browser').waitFor()
    await page.keyboard.press('Escape')
    await drawer.waitFor({ state: 'detached' })
  })

  it('shows output while it is written, and tells standard error apart', async () => {
    const { page } = watched
    const script = 'echo first line; echo a warning >&2; sleep 30'
    await createShellJob(page, { name: 'Long one', script, when: 'now' })
    await row(page, 'Upcoming jobs', 'Long one').getByText('running', { exact: true }).waitFor()
    await row(page, 'Upcoming jobs', 'Long one').getByRole('link').click()
    const drawer = page.getByRole('dialog', { name: 'Long one' })
    await drawer.locator('[data-stream=stdout]').getByText('first line').waitFor()
    await drawer.locator('[data-stream=stderr]').getByText('a warning').waitFor()
    await drawer.getByText('live').waitFor()

    await drawer.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel the job' }).click()
    await drawer.getByText('Cancelled').first().waitFor({ timeout: 10_000 })
    await page.keyboard.press('Escape')
  })

  it('shows what is wrong with an HTTP job at its input', async () => {
    const { page, expectRefusals } = watched
    expectRefusals('/api/jobs')
    const form = await openForm(page, 'HTTP request')
    const url = form.getByLabel('URL')
    await url.fill('ht!tp:/nowhere')
    await form.locator('button[type=submit]').click()
    await expect.poll(() => url.getAttribute('aria-invalid')).toBe('true')
    const described = await url.getAttribute('aria-describedby')
    expect(await page.locator(`[id="${described ?? ''}"]`).innerText()).toMatch(/\w+/)
    expect(await url.evaluate((element) => element === document.activeElement)).toBe(true)
    await page.keyboard.press('Escape')
    await form.waitFor({ state: 'detached' })
  })

  it('says what it does with a time that it cannot read, and with one that it can', async () => {
    const { page, expectRefusals } = watched
    expectRefusals('/api/time/parse')
    const form = await openForm(page, 'HTTP request')
    const when = form.getByLabel('When')
    await when.fill('whenever')
    await expect.poll(() => when.getAttribute('aria-invalid')).toBe('true')
    await form.getByRole('button', { name: 'Tomorrow 09:00' }).click()
    await form.getByRole('button', { name: /^Schedule for \w{3} \d+ \w{3} 09:00 CES?T, in / }).waitFor()
    expect(await form.getByTestId('time-echo').innerText()).toMatch(/09:00:00 CES?T/)
    await page.keyboard.press('Escape')
    await form.waitFor({ state: 'detached' })
  })

  it('holds, releases, cancels and deletes a scheduled job', async () => {
    const { page } = watched
    await createShellJob(page, { name: 'Tomorrow’s', script: 'true', when: 'tomorrow 09:00' })
    await row(page, 'Upcoming jobs', 'Tomorrow’s').getByRole('link').click()
    const drawer = page.getByRole('dialog', { name: 'Tomorrow’s' })
    await drawer.getByRole('button', { name: 'Hold' }).click()
    await drawer.getByRole('button', { name: 'Release' }).click()
    await drawer.getByRole('button', { name: 'Hold' }).waitFor()

    await drawer.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel the job' }).click()
    await drawer.getByText('Cancelled').waitFor()
    const recent = row(page, 'Recent executions', 'Tomorrow’s')
    await recent.getByText('did not run').first().waitFor({ state: 'attached' })

    await drawer.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click()
    await drawer.waitFor({ state: 'detached' })
    await recent.waitFor({ state: 'detached' })
  })

  it('can be used with the keyboard alone', async () => {
    const { page } = watched
    await page.getByRole('button', { name: 'New job' }).focus()
    await page.keyboard.press('Enter')
    const form = page.getByRole('dialog', { name: 'New job' })
    await form.waitFor()
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Tab')
    await page.keyboard.type('echo typed')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.press('ControlOrMeta+A')
    await page.keyboard.type('tomorrow 8am')
    await page.keyboard.press('Enter')
    await form.waitFor({ state: 'detached' })
    await row(page, 'Upcoming jobs', 'echo typed').waitFor()
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent.trim())).toBe('New job')
  })

  it('has broken no policy, logged no error and asked no other host', () => {
    expect(watched.faults).toEqual([])
  })
})
