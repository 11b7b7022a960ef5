import { mount, unmount } from 'svelte'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { net } from '../api/net.svelte'
import { session } from '../auth/session.svelte'
import { router } from '../lib/router.svelte'
import NewCasePage from './NewCasePage.svelte'

/** A line so slow that the form is filled in before the steps are here. */
const step = {
  code: 'MK.ID',
  country: 'MK',
  seq: 1,
  stage: 'identification',
  authorities: ['mk-police'],
  name: { en: 'Identification' },
  short_name: { en: 'Identification' },
}
const site = { code: 'MK-TABANOVCE', country: 'MK', authority: 'mk-police', name: { en: 'Tabanovce' } }
let steps: PromiseWithResolvers<Response>
let sent: Record<string, unknown>[]
let page: ReturnType<typeof mount>

beforeEach(() => {
  steps = Promise.withResolvers()
  sent = []
  vi.stubGlobal(
    'fetch',
    vi.fn(async (path: string, init: RequestInit = {}) => {
      if (path === '/api/catalogue') return steps.promise
      sent.push(JSON.parse(String(init.body)))
      return Response.json({ id: 'case_1', version: 1 })
    }),
  )
  session.take({ code: 'O-1183', csrf: 'x', memberships: [{ role: 'interviewer', country: 'MK' }], site } as never)
  page = mount(NewCasePage, { target: document.body })
  document.querySelector<HTMLInputElement>('.tick input')?.click()
  document.querySelector('form')?.dispatchEvent(new SubmitEvent('submit', { bubbles: true, cancelable: true }))
})
afterEach(async () => {
  await unmount(page)
  document.body.innerHTML = ''
  session.me = undefined
  net.found()
  vi.unstubAllGlobals()
})

it('tells when the steps cannot be had, and opens the case with the first step once they are here', async () => {
  expect(document.querySelector('button[type=submit]')?.getAttribute('aria-disabled')).toBe('true')
  steps.resolve(new Response(JSON.stringify({ code: 'server_fault', status: 500 }), { status: 500 }))
  await vi.waitFor(() => expect(document.querySelector('#form-error [role=alert]')).not.toBeNull())
  expect(sent).toEqual([])

  steps = Promise.withResolvers()
  document.querySelector('form')?.dispatchEvent(new SubmitEvent('submit', { bubbles: true, cancelable: true }))
  steps.resolve(Response.json({ steps: [step], sites: [site], languages: [], needs: [], authorities: [], officer_languages: [] }))
  await vi.waitFor(() => expect(router.path).toBe('/cases/case_1'))
  expect(sent).toEqual([expect.objectContaining({ first_step: 'MK.ID', site: 'MK-TABANOVCE', languages: [] })])
})
