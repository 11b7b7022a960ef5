import { mount, unmount } from 'svelte'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

vi.mock('../realtime/tab', () => ({ tab: { state: 'open', follow: () => () => {}, now: () => Date.now() } }))
const RecordPage = (await import('./RecordPage.svelte')).default

const record = {
  id: 's1',
  case_id: 'c1',
  case_ref: 'MK-26-7K4M-Q2',
  country: 'MK',
  zone: 'Asia/Tokyo',
  step_code: 'RS-ID-10',
  state: 'sealed',
  mode: 'open',
  planned_at: '2026-11-23T05:00:00Z',
  waiting_at: null,
  active_at: '2026-11-23T05:00:00Z',
  ended_at: '2026-11-23T05:30:00Z',
  sealed_at: '2026-11-23T05:31:00Z',
  outcome: 'completed',
  reason: null,
  language_declared: 'pes',
  language_confirmed: null,
  substitution: null,
  interpreter: null,
  sex_pref: { value: 'none', must: false, met: null },
  mode_segments: [],
  present: [],
  interruptions: [],
  interpreting_min: 30,
  speaking_min: 20,
  entries: [
    {
      seq: 1,
      at: '2026-11-23T05:00:00.000Z',
      kind: 'line_back',
      data: { part: 'officer', code: 'O-1', from: '2026-11-23T05:10:00.000Z', seconds: 12 },
      hash: 'abcd',
    },
  ],
  chain: { ok: true, broken_at: null, seal: null },
}
let page: ReturnType<typeof mount> | undefined

beforeEach(() => {
  const never = new Promise<Response>(() => {})
  vi.stubGlobal('fetch', (url: string) =>
    String(url).includes('/api/sessions/s1') ? Promise.resolve(new Response(JSON.stringify(record), { status: 200 })) : never,
  )
})
afterEach(() => {
  if (page) void unmount(page)
  vi.unstubAllGlobals()
})

test('a record is told by the clocks that the answer names, not by what the code of its step begins with', async () => {
  page = mount(RecordPage, { target: document.body, props: { id: 's1' } })
  await vi.waitFor(() => expect(document.body.textContent).toContain('14:00–14:30'))
  expect(document.body.querySelector('.log')?.textContent).toContain('14:00:00')
})
