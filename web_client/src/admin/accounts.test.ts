import { mount, unmount } from 'svelte'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { net } from '../api/net.svelte'
import { session } from '../auth/session.svelte'
import AccountsPage from './AccountsPage.svelte'
import { type Account, newPassword } from './types'

/** A server with three accounts; what is sent to it is kept for the tests, answers can be held back or refused. */
const account = (code: string, over: Partial<Account> = {}): Account => ({
  user_id: `user_${code}`,
  code,
  site: null,
  authority: null,
  locale: 'en',
  officer_language: 'srp',
  disabled: false,
  has_password: true,
  created_at: '2026-11-01T08:00:00.000Z',
  version: 3,
  memberships: [{ role: 'auditor', country: 'RS' }],
  signed_in_at: null,
  waits_until: null,
  profile: null,
  ...over,
})
/** On a busy machine the first page takes its time. */
const soon = { timeout: 45_000 }
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })
let there: Account[]
let sent: { method: string; path: string; body: Record<string, unknown> }[]
let refuse: string | undefined
let held: Promise<void> | undefined
let page: ReturnType<typeof mount>

const dialog = () => document.querySelector<HTMLDialogElement>('dialog[open]')
const press = (text: string) => {
  const button = [...(dialog() ?? document).querySelectorAll('button')].find((one) => one.textContent?.trim().startsWith(text))
  if (!button) throw new Error(`no button ${text}`)
  button.click()
}
const password = () => document.querySelector('[data-testid=password] bdi')?.textContent
async function openPanel(code: string) {
  const button = await vi.waitUntil(
    () => [...document.querySelectorAll<HTMLButtonElement>('td .code')].find((one) => one.textContent === code),
    soon,
  )
  button.click()
  await vi.waitFor(() => expect(dialog()?.querySelector('dl')).not.toBeNull(), soon)
}

beforeEach(() => {
  there = [
    account('A-01', { memberships: [{ role: 'administrator', country: 'RS' }] }),
    account('U-02'),
    account('U-03', {
      memberships: [
        { role: 'auditor', country: 'RS' },
        { role: 'auditor', country: 'MK' },
      ],
    }),
  ]
  sent = []
  refuse = undefined
  held = undefined
  vi.stubGlobal(
    'fetch',
    vi.fn(async (path: string, init: RequestInit = {}) => {
      if (path === '/api/catalogue') return Response.json({ sites: [], steps: [], languages: [] })
      const method = init.method ?? 'GET'
      if (method === 'GET') return Response.json({ items: there, total: there.length, page: 1, per: 25 })
      const body = JSON.parse(String(init.body))
      sent.push({ method, path, body })
      await held
      if (refuse) return new Response(JSON.stringify({ code: refuse, status: 409 }), { status: 409 })
      const known = there.find((one) => path.endsWith(one.user_id)) ?? account(body.code)
      const now = { ...known, version: known.version + 1, disabled: body.disabled ?? known.disabled }
      there = there.some((one) => one.user_id === now.user_id)
        ? there.map((one) => (one.user_id === now.user_id ? now : one))
        : [...there, now]
      return Response.json(now)
    }),
  )
  session.take({
    user_id: 'user_A-01',
    code: 'A-01',
    csrf: 'x',
    memberships: [{ role: 'administrator', country: 'RS' }],
    site: null,
  } as never)
  page = mount(AccountsPage, { target: document.body })
})
afterEach(async () => {
  await unmount(page)
  document.body.innerHTML = ''
  session.me = undefined
  net.found()
  vi.unstubAllGlobals()
})

it('makes an account, and shows its password once', async () => {
  press('admin.new')
  await vi.waitFor(() => expect(dialog()?.querySelector('input')).not.toBeNull(), soon)
  press('admin.new.do')
  await vi.waitFor(() => expect(dialog()?.textContent).toContain('admin.roles.missing'), soon)
  expect(dialog()?.textContent).toContain('admin.code.wrong')
  expect(sent).toEqual([])

  const field = dialog()?.querySelector<HTMLInputElement>('input.input')
  if (!field) throw new Error('no field')
  field.value = 'U-09'
  field.dispatchEvent(new Event('input', { bubbles: true }))
  dialog()?.querySelectorAll<HTMLInputElement>('input[type=checkbox]')[4]?.click()
  refuse = 'code_taken'
  press('admin.new.do')
  await vi.waitFor(() => expect(dialog()?.textContent).toContain('admin.code.taken'), soon)
  expect(password()).toBeUndefined()

  refuse = undefined
  const answer = Promise.withResolvers<void>()
  held = answer.promise
  press('admin.new.do')
  await vi.waitFor(() => expect(sent).toHaveLength(2), soon)
  expect(password()).toBeUndefined()
  answer.resolve()
  await vi.waitFor(() => expect(password()).toBeTruthy(), soon)
  expect(sent[1]?.body).toMatchObject({ code: 'U-09', memberships: [{ role: 'auditor', country: 'RS' }], password: password() })
  const made = password() ?? ''
  press('admin.password.done')
  await vi.waitFor(() => expect(document.documentElement.innerHTML).not.toContain(made), soon)
  await openPanel('U-09')
  expect(document.documentElement.innerHTML).not.toContain(made)
})

it('asks before it locks, and says when somebody else was faster', async () => {
  await openPanel('U-02')
  press('admin.lock')
  await vi.waitFor(() => expect(dialog()?.textContent).toContain('admin.lock.text'), soon)
  expect(sent).toEqual([])
  refuse = 'changed_meanwhile'
  there = there.map((one) => (one.code === 'U-02' ? { ...one, version: 8 } : one))
  press('admin.lock')
  await vi.waitFor(() => expect(dialog()?.querySelector('[role=alert]')).not.toBeNull(), soon)
  refuse = undefined
  press('admin.lock')
  await vi.waitFor(() => expect(dialog()?.textContent).toContain('admin.lock.text'), soon)
  press('admin.lock')
  await vi.waitFor(() => expect(dialog()?.textContent).toContain('admin.state.locked'), soon)
  expect(sent.map((one) => one.body)).toEqual([
    { version: 3, disabled: true },
    { version: 8, disabled: true },
  ])
})

it('offers nobody to lock themselves, nor to change who has a role elsewhere', async () => {
  await openPanel('A-01')
  expect(dialog()?.textContent).toContain('admin.self')
  expect(dialog()?.textContent).not.toContain('admin.lock')
  const box = dialog()?.querySelector<HTMLInputElement>('input[type=checkbox]')
  box?.click()
  expect(box?.checked).toBe(false)
  press('action.close')
  await vi.waitFor(() => expect(dialog()).toBeNull(), soon)
  await openPanel('U-03')
  expect(dialog()?.textContent).toContain('admin.elsewhere')
  expect(dialog()?.querySelectorAll('input')).toHaveLength(0)
})

it('makes passwords that are said easily and that the server takes', () => {
  const made = Array.from({ length: 200 }, () => newPassword('ab'))
  expect(new Set(made).size).toBe(200)
  for (const one of made) {
    expect(one).toMatch(/^[a-hjkmnp-z2-9]{4}(-[a-hjkmnp-z2-9]{4}){3}$/)
    expect(one).not.toContain('ab')
  }
})
