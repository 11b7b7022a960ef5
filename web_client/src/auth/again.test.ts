import { mount, tick, unmount } from 'svelte'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { net } from '../api/net.svelte'
import NewNote from './NoteForm.test.svelte'
import { session } from './session.svelte'

/** A server that forgets who is signed in, and answers sign-ins by code. */
const me = (code: string, csrf: string) => ({ user_id: code, code, csrf, locale: 'en', memberships: [], site: null })
const problem = (status: number, code: string) => new Response(JSON.stringify({ status, code }), { status })
let signedIn: string | undefined
let notes: { text: string; key: string | null; csrf: string | null }[]
let tries: number

function serve(path: string, init: RequestInit = {}): Response {
  const headers = new Headers(init.headers)
  const body = init.body ? JSON.parse(String(init.body)) : {}
  if (path === '/api/sign-in') {
    if (body.password !== 'right') return problem(401, 'sign_in_failed')
    signedIn = body.code
    return Response.json(me(body.code, `csrf-${body.code}-2`))
  }
  if (!signedIn) {
    if (path === '/api/notes') tries += 1
    return problem(401, 'unauthenticated')
  }
  if (path === '/api/me') return Response.json(me(signedIn, `csrf-${signedIn}-2`))
  if (headers.get('X-CSRF-Token') !== `csrf-${signedIn}-2`) return problem(403, 'csrf_mismatch')
  notes.push({ text: body.text, key: headers.get('Idempotency-Key'), csrf: headers.get('X-CSRF-Token') })
  return Response.json({})
}

/** Dialogs are fetched when they are needed, which takes its time on a busy machine. */
const soon = { timeout: 4000 }
vi.setConfig({ testTimeout: 20_000, hookTimeout: 20_000 })

const replace = vi.fn()
const dialog = () => document.querySelector<HTMLDialogElement>('[data-testid="sign-in-again"]')
const fields = () => [...(dialog()?.querySelectorAll('input') ?? [])] as [HTMLInputElement, HTMLInputElement]
async function type(field: HTMLInputElement, text: string) {
  field.value = text
  field.dispatchEvent(new Event('input', { bubbles: true }))
  await tick()
}
async function signIn(code: string, password: string) {
  const [first, second] = fields()
  await type(first, code)
  await type(second, password)
  dialog()
    ?.querySelector('form')
    ?.dispatchEvent(new SubmitEvent('submit', { bubbles: true, cancelable: true }))
}

describe('a sign-in that ends while somebody writes', () => {
  let form: ReturnType<typeof mount>
  const text = () => document.querySelector<HTMLTextAreaElement>('#note')
  const sent = () => document.querySelector('#state')?.textContent

  // Fetched when it is needed; here that is not what is measured.
  beforeAll(() => import('./again'), 20_000)
  beforeEach(async () => {
    signedIn = undefined
    notes = []
    tries = 0
    vi.stubGlobal(
      'fetch',
      vi.fn(async (path: string, init?: RequestInit) => serve(path, init)),
    )
    vi.spyOn(location, 'replace').mockImplementation(replace)
    session.take(me('O-1183', 'csrf-O-1183-1') as never)
    form = mount(NewNote, { target: document.body })
    const field = text()
    if (!field) throw new Error('no field')
    await type(field as unknown as HTMLInputElement, 'Speaks slowly')
    document.querySelector<HTMLButtonElement>('#send')?.click()
    await vi.waitFor(() => expect(dialog()?.open).toBe(true), soon)
  })
  afterEach(async () => {
    await unmount(form)
    document.body.innerHTML = ''
    session.me = undefined
    replace.mockReset()
    net.found()
    vi.restoreAllMocks()
    vi.unstubAllGlobals()
  })

  it('keeps what was written and sends it once, with the new sign-in, when the same person is back', async () => {
    expect(sent()).toBe('sending')
    await signIn('O-1183', 'wrong')
    await vi.waitFor(() => expect(fields()[1].getAttribute('aria-invalid')).toBe('true'), soon)
    expect([text()?.value, notes]).toEqual(['Speaks slowly', []])
    await signIn('O-1183', 'right')
    await vi.waitFor(() => expect(sent()).toBe('sent'), soon)
    expect(notes).toEqual([{ text: 'Speaks slowly', key: 'note-1', csrf: 'csrf-O-1183-2' }])
    expect([text()?.value, dialog(), tries]).toEqual(['Speaks slowly', null, 1])
  })

  it('goes on by itself after a sign-in in another tab', async () => {
    signedIn = 'O-1183'
    window.dispatchEvent(new Event('focus'))
    await vi.waitFor(() => expect(sent()).toBe('sent'), soon)
    expect(notes).toHaveLength(1)
  })

  it('is not closed by the Escape key', async () => {
    const cancel = new Event('cancel', { cancelable: true })
    dialog()?.dispatchEvent(cancel)
    expect(cancel.defaultPrevented).toBe(true)
    dialog()?.close()
    await vi.waitFor(() => expect(dialog()?.open).toBe(true), soon)
    await signIn('O-1183', 'right')
    await vi.waitFor(() => expect(sent()).toBe('sent'), soon)
  })

  // The last: whoever else signs in gets a new document, and what waited in this one waits for ever.
  it('gives nothing of it to somebody else', async () => {
    await signIn('C-07', 'right')
    await vi.waitFor(() => expect(replace).toHaveBeenCalledWith('/'), soon)
    expect([notes, sent(), session.me?.code]).toEqual([[], 'sending', 'O-1183'])
  })
})
