import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { net } from '../api/net.svelte'
import { HomeController } from './HomeController.svelte'
import { ringTime } from './ringClock'
import type { Home, OfferView } from './types'

const start = Date.parse('2026-11-22T08:00:00Z')
const offer = (over: Partial<OfferView> = {}): OfferView => ({
  id: 'off_1',
  round: 2,
  kind: 'now',
  language: 'apc',
  officer_language: 'srp',
  stage: 'identification',
  minutes: 15,
  country: 'RS',
  authority_kind: 'police',
  who: { age: 'adult', wish: 'none' },
  mode: 'open',
  video: true,
  sent_at: new Date(start).toISOString(),
  expires_at: new Date(start + 20_000).toISOString(),
  ring_s: 20,
  starts_at: null,
  zone: null,
  briefing: false,
  ...over,
})
const home = (over: Partial<Home> = {}): Home => ({
  interpreter_id: 'i',
  code: 'I-0417',
  presence: { wanted: 'available', state: 'available', since: '' },
  ring: null,
  today: [],
  offers: [],
  minutes_today: 0,
  max_minutes: 240,
  next_break_min: null,
  devices_checked_at: null,
  zone: 'Europe/Skopje',
  live_session_id: null,
  held: null,
  ...over,
})

test('the ring counts whole seconds by the server clock and is over exactly at its end', () => {
  expect(ringTime(offer(), start)).toEqual({ left: 20, share: 1, over: false })
  expect(ringTime(offer(), start + 5001)).toMatchObject({ left: 15, over: false })
  expect(ringTime(offer(), start + 19_999)).toMatchObject({ left: 1, over: false })
  expect(ringTime(offer(), start + 20_000)).toEqual({ left: 0, share: 0, over: true })
  expect(ringTime(offer(), start - 60_000).share).toBe(1)
})

describe('home', () => {
  let page: HomeController
  let answer: () => Response
  let now: Home
  const calls: { path: string; body: unknown }[] = []
  const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status })

  beforeEach(() => {
    calls.length = 0
    now = home()
    answer = () => json({ session_id: 'ses_1', booking_id: 'b', starts_at: '', join_by: '' })
    vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
      calls.push({ path, body: init.body ? JSON.parse(String(init.body)) : undefined })
      return path === '/api/interpreter/home' ? json(now) : answer()
    })
    page = new HomeController()
    page.home.set(home())
  })
  afterEach(() => vi.unstubAllGlobals())
  const hear = (name: string, data: unknown) => page.hear({ name, data })

  test('a call rings until somebody else takes it, and says so without blame', () => {
    hear('offer.sent', offer())
    expect(page.ring?.id).toBe('off_1')
    hear('offer.ended', { offer_id: 'off_1', state: 'withdrawn', reason: null })
    expect(page.ring).toBeUndefined()
    expect(page.ended?.code).toBe('offer_withdrawn')
    hear('offer.sent', offer({ id: 'off_2' }))
    expect(page.ended).toBeUndefined()
  })

  test('accepting sends the fencing number of the round and gives the way into the call', async () => {
    hear('offer.sent', offer())
    await expect(page.accept(offer())).resolves.toMatchObject({ session_id: 'ses_1' })
    expect(calls[0]).toEqual({ path: '/api/offers/off_1/accept', body: { round: 2, no_conflict: true } })
    expect(page.ring).toBeUndefined()
  })

  test('one of two interpreters waits for the other, and goes into the call when both are found', async () => {
    answer = () => json({ session_id: null, booking_id: 'b', starts_at: '', join_by: '' })
    now = home({ held: { booking_id: 'b', kind: 'now', until: null } })
    await expect(page.accept(offer())).resolves.toMatchObject({ session_id: null })
    expect([page.waits, page.found]).toEqual([true, undefined])
    now = home({ live_session_id: 'ses_2' })
    await page.load()
    expect([page.waits, page.found, page.ended]).toEqual([false, 'ses_2', undefined])
  })

  test('who waited for a second interpreter in vain is told so', async () => {
    answer = () => json({ session_id: null, booking_id: 'b', starts_at: '', join_by: '' })
    now = home({ held: { booking_id: 'b', kind: 'now', until: null } })
    await page.accept(offer())
    await page.load()
    now = home()
    await page.load()
    expect([page.waits, page.found, page.ended?.code]).toEqual([false, undefined, 'second_not_found'])
  })

  test('who comes too late is told kindly and not rung again by the same offer', async () => {
    answer = () => json({ code: 'booking_taken', status: 409 }, 409)
    hear('offer.sent', offer())
    await expect(page.accept(offer())).resolves.toBeUndefined()
    expect([page.ring, page.ended?.code, page.error]).toEqual([undefined, 'booking_taken', undefined])
    hear('offer.sent', offer())
    expect(page.ring).toBeUndefined()
  })

  test('a line that breaks while accepting keeps the card, and the same tap goes on when it is back', async () => {
    answer = () => {
      throw new TypeError('network')
    }
    hear('offer.sent', offer())
    const accepted = page.accept(offer())
    await vi.waitFor(() => expect(net.online).toBe(false))
    expect([page.ring?.id, page.answering.off_1]).toEqual(['off_1', 'accept'])
    answer = () => json({ code: 'booking_taken', status: 409 }, 409)
    net.found()
    await accepted
    expect([page.ring, page.ended?.code, page.error]).toEqual([undefined, 'booking_taken', undefined])
  })

  test('a call that begins to ring while the state is on its way is not taken down by the older answer', async () => {
    const open: ((data: Home) => void)[] = []
    vi.stubGlobal('fetch', () => new Promise((done) => open.push((data) => done(json(data)))))
    const reading = page.load()
    hear('offer.sent', offer())
    open[0]?.(home())
    await vi.waitFor(() => expect(open.length).toBe(2))
    expect(page.ring?.id).toBe('off_1')
    open[1]?.(home({ ring: offer() }))
    await reading
    expect([page.ring?.id, page.ended]).toEqual(['off_1', undefined])
  })

  test('a state that cannot be read takes no ring down, and one that ended without us is told so', async () => {
    hear('offer.sent', offer({ expires_at: '2020-01-01T00:00:00Z' }))
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('network')))
    await page.load()
    expect(page.ring?.id).toBe('off_1')
    vi.stubGlobal('fetch', async () => json(home()))
    await page.load()
    expect([page.ring, page.ended?.code]).toEqual([undefined, 'offer_expired'])
  })

  test('not now sends only the reason', async () => {
    answer = () => new Response(null, { status: 204 })
    hear('offer.sent', offer())
    await page.decline(offer(), 'not_now')
    expect(calls[0]).toEqual({ path: '/api/offers/off_1/decline', body: { round: 2, reason: 'not_now' } })
    expect(page.ring).toBeUndefined()
  })

  test('a call that is taken while the availability is being sent is not swallowed, and the last choice of availability counts', async () => {
    const open: (() => void)[] = []
    vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
      const body = init.body ? JSON.parse(String(init.body)) : undefined
      calls.push({ path, body })
      if (path !== '/api/interpreter/presence') return path === '/api/interpreter/home' ? json(now) : answer()
      await new Promise<void>((go) => open.push(go))
      return json({ wanted: body.wanted, state: body.wanted, since: '' })
    })
    hear('offer.sent', offer())
    const switching = page.setPresence('away')
    void page.setPresence('available')
    expect(page.wish).toBe('available')
    await expect(page.accept(offer())).resolves.toMatchObject({ session_id: 'ses_1' })
    expect(page.answering.off_1).toBeUndefined()
    open[0]?.()
    await vi.waitFor(() => expect(open.length).toBe(2))
    open[1]?.()
    await switching
    expect(calls.filter((one) => one.path.endsWith('presence')).map((one) => one.body)).toEqual([
      { wanted: 'away' },
      { wanted: 'available' },
    ])
    expect([page.home.data?.presence.wanted, page.wish]).toEqual(['available', undefined])
  })

  test('the same call is answered once, and another one meanwhile', async () => {
    const twice = [page.accept(offer()), page.accept(offer()), page.decline(offer({ id: 'off_2' }), 'not_now')]
    await Promise.all(twice)
    expect(
      calls
        .map((one) => one.path)
        .filter((path) => path.startsWith('/api/offers'))
        .sort(),
    ).toEqual(['/api/offers/off_1/accept', '/api/offers/off_2/decline'])
  })

  test('appointments go into the list and never ring', () => {
    hear('offer.sent', offer({ id: 'off_9', kind: 'appointment' }))
    expect(page.ring).toBeUndefined()
    expect(page.home.data?.offers.map((one) => one.id)).toEqual(['off_9'])
    hear('offer.ended', { offer_id: 'off_9', state: 'expired', reason: null })
    expect(page.home.data?.offers).toEqual([])
  })
})
