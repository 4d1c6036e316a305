// Every view in light and dark, wide and narrow: accessible, and no wider than its window. Also below a
// base path.
import type { Browser, Page } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { axeViolations } from './axe'
import { launchBrowser, openPage } from './browser'
import { createShellJob, openForm, row } from './form'
import { startServer, type RunningServer } from './server'

const SIZES = { wide: { width: 1200, height: 900 }, narrow: { width: 360, height: 740 } }

describe('each view', () => {
  let server: RunningServer
  let browser: Browser

  beforeAll(async () => {
    server = await startServer({ BASE_PATH: '/tools/oneoff' })
    return server.stop
  })
  beforeAll(async () => {
    browser = await launchBrowser()
    return () => browser.close()
  })

  async function expectSound(page: Page) {
    expect(await axeViolations(page)).toEqual([])
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    expect(overflow).toBeLessThanOrEqual(0)
  }

  it('works below a base path: the empty page creates an example and shows its output', async () => {
    const { page, faults, context } = await openPage(browser, server.url)
    await page.getByText('Nothing is scheduled yet').waitFor()
    await expectSound(page)
    await page.getByRole('button', { name: /HTTP: check this server/ }).click()
    const drawer = page.getByRole('dialog')
    await drawer.getByText('Completed').first().waitFor({ timeout: 20_000 })
    await drawer.getByText('HTTP 200').first().waitFor()
    await page.reload()
    await page.getByRole('dialog').getByText('Completed').first().waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await createShellJob(page, { name: 'Fails', script: 'echo out; echo err >&2; exit 3', when: 'now' })
    await createShellJob(page, { name: 'Waits', script: 'true', when: 'tomorrow 09:00' })
    await row(page, 'Recent executions', 'Fails').getByText('exit 3').first().waitFor()
    expect(faults).toEqual([])
    await context.close()
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      it(`is sound in ${colorScheme}, ${size}`, async () => {
        const { page, faults, context } = await openPage(browser, server.url, { colorScheme, viewport })
        await row(page, 'Recent executions', 'Fails').waitFor()
        await expectSound(page)

        await row(page, 'Recent executions', 'Fails').getByRole('link').click()
        await page.getByRole('dialog').locator('[data-stream=stderr]').waitFor()
        await expectSound(page)
        await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
        await page.getByRole('alertdialog').waitFor()
        await expectSound(page)
        await page.keyboard.press('Escape')
        await page.getByRole('alertdialog').waitFor({ state: 'detached' })
        await page.keyboard.press('Escape')
        await page.getByRole('dialog').waitFor({ state: 'detached' })

        const form = await openForm(page, 'Shell command')
        await form.getByTestId('time-echo').waitFor()
        await expectSound(page)
        expect(faults).toEqual([])
        await context.close()
      })
    }
  }
})
