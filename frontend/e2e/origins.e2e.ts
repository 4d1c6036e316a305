// Pages of other origins against a server without keys: none of them makes a job, whatever a browser lets them send.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { launchBrowser } from './browser'
import { startServer, type RunningServer } from './server'

/** Names that a page could have its own name server answer with this machine's address. */
const NAMES = ['evil.example', 'rebound.example']
const JOB = JSON.stringify({ type: 'shell', config: { script: 'true' }, scheduled_at: 'in 365d' })

/** Every way that a page has to send a job there; each answers what came of it, as far as the page may know. */
const ATTEMPTS: Record<string, (page: Page, url: string) => Promise<string>> = {
  'a script that asks first': (page, url) => send(page, url, { headers: { 'Content-Type': 'application/json' } }),
  'a script that does not ask': (page, url) => send(page, url, { mode: 'no-cors', headers: { 'Content-Type': 'text/plain' } }),
  'a script without a content type': (page, url) => send(page, url, { mode: 'no-cors' }),
  'a script with the cookies of the person': (page, url) => send(page, url, { mode: 'no-cors', credentials: 'include' }),
  'a beacon': (page, url) => page.evaluate(([url, job]) => String(navigator.sendBeacon(url ?? '', job)), [url, JOB]),
  'a form of plain text': async (page, url) => {
    // What stands between the name and the value of the field becomes part of a text in the JSON.
    const answered = page.waitForEvent('response', (response) => response.url() === url)
    await page.evaluate(
      ([url, job]) => {
        const form = Object.assign(document.createElement('form'), { method: 'post', action: url, enctype: 'text/plain' })
        const name = `${(job ?? '').slice(0, -1)},"name":"`
        form.append(Object.assign(document.createElement('input'), { name, value: '"}' }))
        document.body.append(form)
        form.submit()
      },
      [url, JOB],
    )
    return String((await answered).status())
  },
}

function send(page: Page, url: string, options: RequestInit): Promise<string> {
  return page.evaluate(
    async ({ url, body, options }) => {
      try {
        const response = await fetch(url, { method: 'POST', body, ...options })
        return response.type === 'opaque' ? 'opaque' : String(response.status)
      } catch {
        return 'refused'
      }
    },
    { url, body: JOB, options },
  )
}

describe('pages of other origins', () => {
  let server: RunningServer
  let browser: Browser
  let pages: Server
  let pagesPort: number
  let page: Page

  beforeAll(async () => {
    server = await startServer()
    return server.stop
  })
  beforeAll(async () => {
    browser = await launchBrowser([`--host-resolver-rules=${NAMES.map((name) => `MAP ${name} 127.0.0.1`).join(',')}`])
    return () => browser.close()
  })
  beforeAll(async () => {
    const html = '<!doctype html><title>A page</title><body>'
    pages = createServer((_request, response) => response.setHeader('Content-Type', 'text/html').end(html))
    pages.listen(0, '127.0.0.1')
    await once(pages, 'listening')
    pagesPort = (pages.address() as AddressInfo).port
    return () => pages.close()
  })
  beforeEach(async () => {
    page = await browser.newPage()
    return () => page.close()
  })

  const jobs = async () => {
    const list = (await (await fetch(`${server.url}api/jobs`)).json()) as { data: unknown[] }
    return list.data.length
  }
  const port = () => new URL(server.url).port
  /** How many requests the server has refused. */
  const refusals = async () => {
    const metrics = await (await fetch(`${server.url}metrics`)).text()
    const counts = metrics.matchAll(/^oneoff_http_requests_total\{[^}]*status="(?:403|415)"[^}]*\} (\d+)$/gm)
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
  }

  it('the own page makes a job, so that what follows is not refused for another reason', async () => {
    await page.goto(server.url)
    expect(await send(page, '/api/jobs', { headers: { 'Content-Type': 'application/json' } })).toBe('201')
    expect(await jobs()).toBe(1)
  })

  for (const origin of ['http://evil.example', 'http://127.0.0.1', 'http://localhost']) {
    for (const [name, attempt] of Object.entries(ATTEMPTS)) {
      it(`${name}, at ${origin} with another port`, async () => {
        const [jobsBefore, refusalsBefore] = [await jobs(), await refusals()]
        await page.goto(`${origin}:${pagesPort}/`)
        const came = await attempt(page, `http://127.0.0.1:${port()}/api/jobs`)
        expect(['refused', 'opaque', 'true', '403', '415']).toContain(came)
        // It was the server that refused, and not the browser that did not ask.
        await expect.poll(refusals).toBeGreaterThan(refusalsBefore)
        expect(await jobs()).toBe(jobsBefore)
      })
    }
  }

  it('a page reads nothing either', async () => {
    await page.goto(`http://evil.example:${pagesPort}/`)
    const read = (path: string) =>
      page.evaluate((url) => fetch(url).then((response) => response.text(), () => 'refused'), `http://127.0.0.1:${port()}${path}`)
    expect(await read('/api/jobs')).toBe('refused')
    expect(await read('/api/system/status')).toBe('refused')
  })

  it('a name that leads to this machine is not served, and its own origin makes no job', async () => {
    const before = await jobs()
    const answer = await page.goto(`http://rebound.example:${port()}/`)
    expect(answer?.status()).toBe(403)
    const json = { headers: { 'Content-Type': 'application/json' } }
    expect(await send(page, '/api/jobs', json)).toBe('403')
    expect(await page.evaluate(() => fetch('/api/jobs').then((response) => response.status))).toBe(403)
    expect(await jobs()).toBe(before)
  })
})
