import { mount, tick, unmount } from 'svelte'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { catalogue } from '../api/catalogue.svelte'
import { net } from '../api/net.svelte'
import { router } from '../lib/router.svelte'
import { live } from '../ui/live.svelte'
import BookingPage from './BookingPage.svelte'

/** The appointment form on a slow line: what is pressed waits for the case, and says what is missing. */
const file = {
  id: 'case_1',
  case_ref: 'MK-26-ABCD',
  country: 'MK',
  version: 3,
  current_step_id: 'step_1',
  languages: [{ code: 'pes', source: 'self_declared' }],
  steps: [{ id: 'step_1', code: 'MK.ID', state: 'planned', sessions: [] }],
}
const step = {
  code: 'MK.ID',
  country: 'MK',
  seq: 1,
  stage: 'identification',
  typical_minutes: 30,
  name: { en: 'Identification' },
  short_name: { en: 'Identification' },
}
const shared = { steps: [step], sites: [], languages: [], needs: [], authorities: [], officer_languages: [] }
let answers: Record<string, PromiseWithResolvers<Response>>
let sent: { path: string; body: Record<string, unknown> }[]
let page: ReturnType<typeof mount>

const press = (text: 'submit') => document.querySelector<HTMLButtonElement>(`button[type=${text}]`)?.click()
const button = () => document.querySelector('button[type=submit]')

beforeEach(() => {
  answers = {}
  sent = []
  catalogue.data = undefined
  vi.stubGlobal(
    'fetch',
    vi.fn(async (path: string, init: RequestInit = {}) => {
      const name = path.split('?')[0] as string
      if (init.method === 'POST') {
        sent.push({ path, body: JSON.parse(String(init.body)) })
        return Response.json({ id: 'booking_1' })
      }
      answers[name] ??= Promise.withResolvers()
      return (await answers[name].promise).clone()
    }),
  )
  page = mount(BookingPage, { target: document.body, props: { id: 'case_1' } })
})
afterEach(async () => {
  await unmount(page)
  document.body.innerHTML = ''
  net.found()
  vi.unstubAllGlobals()
})
const answer = (path: string, given: Response) => {
  answers[path] ??= Promise.withResolvers()
  answers[path].resolve(given)
}
const here = (path: string, data: unknown) => answer(path, Response.json(data))

it('waits for the case, then says what is not chosen yet; a second press sends nothing twice', async () => {
  await tick()
  press('submit')
  await vi.waitFor(() => expect(button()?.getAttribute('aria-disabled')).toBe('true'))
  press('submit')
  expect(sent).toEqual([])

  here('/api/cases/case_1', file)
  here('/api/catalogue', shared)
  await vi.waitFor(() => expect(button()?.getAttribute('aria-disabled')).toBeNull())
  expect(live.assertive).toContain('scheduling.slots.first')
  expect(sent).toEqual([])

  // Chosen as soon as the times are here, by the clocks of the case's country.
  await vi.waitFor(() => expect(answers['/api/slots']).toBeDefined())
  const slot = { starts_at: '2026-12-01T08:00:00Z', sure: true, free: 2, few: false, same: false, pivot: null }
  here('/api/slots', { minutes: 30, days: [{ day: '2026-12-01', slots: [slot], reason: null }] })
  await vi.waitFor(() => expect(document.querySelector('.time b')?.textContent).toBe('09:00'))
  document.querySelector<HTMLButtonElement>('.time')?.click()
  await tick()
  press('submit')
  await tick()
  press('submit')
  await vi.waitFor(() => expect(router.path).toBe('/bookings/booking_1'))
  expect(sent).toEqual([
    {
      path: '/api/bookings',
      body: expect.objectContaining({ language: 'pes', starts_at: '2026-12-01T08:00:00.000Z', zone: 'Europe/Skopje' }),
    },
  ])
})

it('says that the case cannot be read', async () => {
  await tick()
  press('submit')
  answer('/api/cases/case_1', new Response(JSON.stringify({ code: 'server_fault', status: 500 }), { status: 500 }))
  here('/api/catalogue', shared)
  await vi.waitFor(() => expect(document.querySelector('[role=alert]')).not.toBeNull())
  expect(sent).toEqual([])
  expect(button()?.getAttribute('aria-disabled')).toBeNull()
})
