import { mount, unmount } from 'svelte'
import { expect, it } from 'vitest'
import type { BookingView } from '../api/types'
import RelayNote from './RelayNote.svelte'
import { needsWord } from './view'

/** What the officer reads about a relay beyond registration: nothing is promised before the coordinator's yes, and a no is told. */
const relay = { country: 'MK', way: 'relay', state: 'unfilled', language: 'fra', pivot: 'eng', interpreters: [], turns: [] }
type Word = Pick<BookingView, 'state' | 'relay_state' | 'way'>

async function read(b: object): Promise<string> {
  const note = mount(RelayNote, { target: document.body, props: { booking: { ...relay, ...b } as unknown as BookingView } })
  const text = document.body.textContent ?? ''
  await unmount(note)
  return text
}

it('says that the coordinator is asked before it says how two interpreters work', async () => {
  expect(await read({ relay_state: 'asked' })).toContain('scheduling.relay.asked')
  expect(await read({ relay_state: 'asked' })).not.toContain('scheduling.relay.title')
  expect(await read({ relay_state: 'approved', state: 'offering' })).toContain('scheduling.relay.title')
})

it('tells a refusal, and what is left to do when it was booked as a relay only', async () => {
  const refused = await read({ relay_state: 'refused', pivot: null })
  expect(refused).toContain('scheduling.relay.refused')
  expect(refused).toContain('scheduling.relay.refused.next')
  const direct = await read({ relay_state: 'refused', pivot: null, way: 'direct' })
  expect(direct).toContain('scheduling.relay.refused')
  expect(direct).not.toContain('scheduling.relay.refused.next')
  expect(await read({ relay_state: 'refused', state: 'assigned', way: 'direct' })).not.toContain('scheduling.relay')
})

it('offers no other time for a relay without the word', () => {
  const word = (b: Partial<Word>): boolean => needsWord({ ...(relay as unknown as Word), relay_state: null, ...b })
  expect(word({ relay_state: 'asked' })).toBe(true)
  expect(word({ relay_state: 'refused' })).toBe(true)
  expect(word({ relay_state: 'refused', way: 'direct' })).toBe(false)
  expect(word({ relay_state: 'approved' })).toBe(false)
  expect(word({})).toBe(false)
})
