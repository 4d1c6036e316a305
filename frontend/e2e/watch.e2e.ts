// Proof that the watch over the pages sees what it is there for.
import type { Browser } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { axeViolations } from './axe'
import { launchBrowser, openPage } from './browser'
import { startServer, type RunningServer } from './server'

describe('the watch', () => {
  let server: RunningServer
  let browser: Browser

  beforeAll(async () => {
    server = await startServer()
    return server.stop
  })
  beforeAll(async () => {
    browser = await launchBrowser()
    return () => browser.close()
  })

  it.each([
    ['an inline style', () => document.body.setAttribute('style', 'color: red'), /^policy: style-src-attr/],
    ['another host', () => void fetch('http://localhost:9/').catch(() => null), /^policy: connect-src http:\/\/localhost:9/],
    ['an error', () => void setTimeout(() => { throw new Error('boom') }), /^uncaught: boom/],
    ['a failed request', () => void fetch('api/nope'), /^404 from .*\/api\/nope$/],
  ])('sees %s', async (_name, cause, fault) => {
    const { page, faults, context } = await openPage(browser, server.url)
    await page.evaluate(cause)
    await expect.poll(() => faults.some((text) => fault.test(text))).toBe(true)
    await context.close()
  })

  it('sees an input without a label', async () => {
    const { page, context } = await openPage(browser, server.url)
    await page.getByRole('heading', { name: 'Jobs' }).waitFor()
    await page.evaluate(() => document.querySelector('main')?.append(document.createElement('input')))
    expect((await axeViolations(page)).some((violation) => violation.startsWith('label '))).toBe(true)
    await context.close()
  })
})
