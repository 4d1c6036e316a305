// The page of the API's document: what it fills in by itself changes nothing about what a request does.
import type { Browser, Page } from 'playwright-core'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { launchBrowser } from './browser'
import { startServer, type RunningServer } from './server'

interface JobAnswer {
  data: { id: string; version: number }
}

describe('the page of the document', () => {
  let server: RunningServer
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    server = await startServer({ BASE_PATH: '/x' })
    return server.stop
  })
  beforeAll(async () => {
    browser = await launchBrowser()
    return () => browser.close()
  })
  beforeEach(async () => {
    page = await browser.newPage()
    return () => page.close()
  })

  /** Opens an operation as the page fills it in. */
  const open = async (operation: string) => {
    await page.goto(`${server.url}docs#/Jobs/${operation}`)
    // The address within the page leads to the same place again.
    await page.reload()
    const place = page.locator(`#operations-Jobs-${operation}`)
    await place.getByRole('button', { name: 'Execute' }).waitFor()
    return place
  }
  /** Sends it, and answers what came. */
  const execute = async (operation: string, method: string) => {
    const answered = page.waitForResponse(
      (response) => response.request().method() === method && new URL(response.url()).pathname.startsWith('/x/api/jobs'),
    )
    await page.locator(`#operations-Jobs-${operation}`).getByRole('button', { name: 'Execute' }).click()
    return answered
  }

  it('makes a job each time, and edits it', async () => {
    await open('createJob')
    const made: string[] = []
    for (let nth = 0; nth < 2; nth++) {
      const answer = await execute('createJob', 'POST')
      expect(answer.status()).toBe(201)
      expect(answer.headers()['idempotency-replayed']).toBeUndefined()
      made.push(((await answer.json()) as JobAnswer).data.id)
    }
    expect(new Set(made).size).toBe(2)

    const place = await open('updateJob')
    await place.locator('tr[data-param-name="id"] input').fill(made[0] ?? '')
    const edited = await execute('updateJob', 'PATCH')
    expect(edited.status(), await edited.text()).toBe(200)
  })

  it('lists them without a filter', async () => {
    await open('listJobs')
    const answer = await execute('listJobs', 'GET')
    expect(new URL(answer.url()).search).toBe('')
    expect(answer.status()).toBe(200)
  })
})
