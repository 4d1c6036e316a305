// Starts Chromium and watches every page: policy violations, errors, requests to other hosts.
import { existsSync } from 'node:fs'
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core'

const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const STEP_MS = 15_000
/** Stricter than what the server may send: the UI needs no more than this. */
const STRICT_POLICY = "default-src 'self'; base-uri 'self'; frame-ancestors 'none'; object-src 'none'"

/** A new Chromium with a profile of its own; `flags` are added to the usual ones. */
export async function launchBrowser(flags: string[] = []): Promise<Browser> {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`There is no Chromium at ${CHROMIUM}: run \`apt-get install chromium\`, or set CHROMIUM_PATH.`)
  }
  return chromium.launch({ executablePath: CHROMIUM, headless: true, args: [...FLAGS, ...flags] })
}

export interface WatchedPage {
  page: Page
  context: BrowserContext
  /** What went wrong so far, apart from what was announced. */
  faults: string[]
  /** Chromium reports every answer of 400 as an error; those to this path are meant from now on. */
  expectRefusals: (path: string) => void
}

/** A page in a context of its own. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport: { width: 1200, height: 900 },
    timezoneId: 'Europe/Madrid',
    reducedMotion: 'reduce',
    ...options,
  })
  const faults: string[] = []
  const refusals = new Set<string>()
  const { origin } = new URL(url)

  await context.exposeFunction('reportViolation', (text: string) => faults.push(`policy: ${text}`))
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const { reportViolation } = window as unknown as { reportViolation: (text: string) => void }
      reportViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`)
    })
  })
  await context.route('**/*', async (route) => {
    if (route.request().resourceType() !== 'document') return route.fallback()
    const response = await route.fetch()
    const headers = { ...response.headers(), 'content-security-policy': STRICT_POLICY }
    return route.fulfill({ response, headers })
  })
  context.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) faults.push(`request to another host: ${request.url()}`)
  })
  context.on('response', (response) => {
    const { pathname } = new URL(response.url())
    const meant = response.status() === 400 && refusals.has(pathname)
    if (response.status() >= 400 && !meant) faults.push(`${response.status()} from ${response.url()}`)
  })
  context.on('weberror', (error) => faults.push(`uncaught: ${error.error().message}`))
  context.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return
    const meant = message.text().includes('status of 400') && refusals.has(pathOf(message.location().url))
    if (!meant) faults.push(`console ${message.type()}: ${message.text()}`)
  })

  context.setDefaultTimeout(STEP_MS)
  const page = await context.newPage()
  await page.goto(url)
  if ((await page.locator('#app').count()) === 0) {
    throw new Error(`${url} is served without the UI: run \`npm run build\`, then build the server.`)
  }
  return { page, context, faults, expectRefusals: (path) => refusals.add(path) }
}

function pathOf(url: string): string {
  return URL.canParse(url) ? new URL(url).pathname : ''
}
