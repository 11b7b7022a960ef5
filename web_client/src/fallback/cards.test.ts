import { mount, tick, unmount } from 'svelte'
import { afterEach, expect, it, vi } from 'vitest'
import LadderBanners from './LadderBanners.svelte'

const ladder = {
  version: 1,
  mode: 'open',
  medium: 'video',
  block_limit_min: 45,
  sound_only: false,
  phone: [{ place: 'booth', state: 'offer', why: 'unanswered', at: null }],
  callable: [],
  offered: ['callback', 'cards'],
  closed: [],
  agreement: null,
  stop: null,
  repeat: null,
}
const room = {
  session_id: 'ses_1',
  state: 'active',
  step_code: 'RS-ID-10',
  language: 'pes',
  you: 'desk',
  participants: [
    { id: 'desk', part: 'officer', state: 'present' },
    { id: 'booth', part: 'interpreter', state: 'lost' },
  ],
  fallback: ladder,
}
let page: ReturnType<typeof mount>

afterEach(async () => {
  await unmount(page)
  document.body.innerHTML = ''
  vi.unstubAllGlobals()
})

it('opens the phrase cards beside the talk and notes their use in its case', async () => {
  vi.stubGlobal(
    'fetch',
    vi.fn(async (path: string) =>
      path.startsWith('/api/sessions/')
        ? Response.json({ case_id: 'case_1' })
        : Response.json({ country: 'RS', current_step_id: 'step_9', bookings: [{ session_id: 'ses_1', step_id: 'step_1' }] }),
    ),
  )
  const call = { room, line: { phase: 'open' }, socket: 'open' }
  page = mount(LadderBanners, {
    target: document.body,
    props: { controller: { now: () => Date.now() } as never, call: call as never, officer: true },
  })
  await tick()
  const cards = () => document.querySelector<HTMLAnchorElement>('[data-testid=ladder-cards]')
  expect(cards()?.target).toBe('_blank')
  await vi.waitFor(() => expect(cards()?.getAttribute('href')).toBe('/phrases?case=case_1&step=step_1'))
})
