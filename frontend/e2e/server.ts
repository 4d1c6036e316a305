// Starts the real server binary on a free port, over a database of its own: a file, or, where DATABASE_URL names a
// PostgreSQL server whose user may create databases, one there.
import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const START_MS = 60_000
const STOP_MS = 15_000

export interface RunningServer {
  /** The page's address, with the base path and a slash at the end. */
  url: string
  /** Makes an API key with these scopes, separated by commas, for all projects or for these. */
  createKey: (scopes: string, projects?: string) => Promise<string>
  stop: () => Promise<void>
}

/** Starts a server; `environment` adds to its settings. */
export async function startServer(environment: Record<string, string> = {}): Promise<RunningServer> {
  const binary = binaryPath()
  const directory = await mkdtemp(join(tmpdir(), 'oneoff-e2e-'))
  const port = await freePort()
  const database = await freshDatabase(directory)
  const env = {
    PATH: process.env.PATH,
    HOME: directory,
    HOST: '127.0.0.1',
    PORT: String(port),
    ...database.settings,
    LOG_LEVEL: 'warn',
    ...environment,
  }
  const child = spawn(binary, [], { cwd: directory, env, stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
  const exited = once(child, 'exit')

  const stop = async () => {
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await exited
    clearTimeout(timer)
    await database.remove()
    await rm(directory, { recursive: true, force: true })
  }

  const createKey = async (scopes: string, projects?: string) => {
    const restricted = projects === undefined ? [] : ['--projects', projects]
    const words = ['keys', 'create', '--name', 'browser', '--scopes', scopes, ...restricted]
    return (await promisify(execFile)(binary, words, { cwd: directory, env })).stdout.trim()
  }

  const url = `http://127.0.0.1:${port}${environment.BASE_PATH ?? ''}/`
  try {
    await answers(`${url}health`, () => child.exitCode !== null)
  } catch (error) {
    await stop()
    throw new Error(`${binary} did not start; it wrote:\n${log}`, { cause: error })
  }
  return { url, createKey, stop }
}

function binaryPath(): string {
  const path = resolve(process.env.ONEOFF_SERVER_BIN ?? '../target/debug/oneoff-server')
  if (!existsSync(path)) {
    throw new Error(`There is no server at ${path}: run \`cargo build -p oneoff-server\`, or set ONEOFF_SERVER_BIN.`)
  }
  return path
}

interface Database {
  settings: Record<string, string>
  remove: () => Promise<void>
}

async function freshDatabase(directory: string): Promise<Database> {
  const server = process.env.DATABASE_URL
  if (!server) return { settings: { DB_PATH: join(directory, 'oneoff.db') }, remove: () => Promise.resolve() }
  const name = `e2e_${randomUUID().replaceAll('-', '')}`
  const query = async (sql: string) => {
    await promisify(execFile)('psql', ['--no-psqlrc', '--quiet', '--dbname', server, '--command', sql])
  }
  await query(`CREATE DATABASE ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return {
    settings: { DATABASE_URL: url.href },
    remove: () => query(`DROP DATABASE ${name} WITH (FORCE)`),
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

async function answers(url: string, hasEnded: () => boolean): Promise<void> {
  const deadline = Date.now() + START_MS
  while (Date.now() < deadline && !hasEnded()) {
    const ok = await fetch(url).then((response) => response.ok).catch(() => false)
    if (ok) return
    await new Promise((wake) => setTimeout(wake, 50))
  }
  throw new Error(`${url} does not answer`)
}
