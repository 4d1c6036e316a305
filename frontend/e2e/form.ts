// The form that creates a job, as a person fills it in.
import type { Locator, Page } from 'playwright-core'

/** Opens the form and chooses the type. */
export async function openForm(page: Page, type: 'HTTP request' | 'Shell command'): Promise<Locator> {
  await page.getByRole('button', { name: 'New job' }).click()
  const form = page.getByRole('dialog', { name: 'New job' })
  await form.getByText(type).click()
  return form
}

export interface ShellJob {
  name: string
  script: string
  when: string
}

/** Fills in a shell job and submits it; returns when the form has closed. */
export async function createShellJob(page: Page, job: ShellJob): Promise<void> {
  const form = await openForm(page, 'Shell command')
  await form.getByLabel('Script').fill(job.script)
  await form.getByLabel('Name').fill(job.name)
  await form.getByLabel('When').fill(job.when)
  await form.locator('button[type=submit]').click()
  await form.waitFor({ state: 'detached' })
}

/** The row of a job in one of the tables, also while a drawer hides the page from assistive technology. */
export function row(page: Page, table: 'Upcoming jobs' | 'Recent executions', name: string): Locator {
  return page.locator(`table[aria-label="${table}"] tr`).filter({ hasText: name })
}
