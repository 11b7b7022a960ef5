import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Outbox } from './Outbox'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('what was not answered is sent again oldest first, without media', async () => {
  const outbox = new Outbox()
  const first = outbox.hold({ t: 'room.pause', reason: 'break', id: 'a' })
  const media = outbox.hold({ t: 'media.set', audio: true, id: 'b' })
  void outbox.hold({ t: 'room.resume', id: 'c' }).catch(() => {})
  outbox.lineLost()
  await expect(media).rejects.toMatchObject({ code: 'line_lost' })
  expect(outbox.unanswered().map((one) => one.id)).toEqual(['a', 'c'])
  outbox.settle({ t: 'reply', re: 'a', ok: true, data: 7 })
  await expect(first).resolves.toBe(7)
  expect(outbox.unanswered().map((one) => one.id)).toEqual(['c'])
})

test('no answer within 15 seconds is a timeout, and an answer after it changes nothing', async () => {
  const outbox = new Outbox()
  const answer = outbox.hold({ t: 'room.resume', id: 'a' })
  const refused = expect(answer).rejects.toMatchObject({ code: 'timeout' })
  await vi.advanceTimersByTimeAsync(14_999)
  expect(outbox.unanswered()).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  await refused
  outbox.settle({ t: 'reply', re: 'a', ok: true })
  expect(outbox.unanswered()).toEqual([])
})

test('closing tells everybody who waits, and leaves no timer behind', async () => {
  const outbox = new Outbox()
  const answers = ['a', 'b'].map((id) => outbox.hold({ t: 'room.resume', id }))
  outbox.close()
  for (const answer of answers) await expect(answer).rejects.toMatchObject({ code: 'closed' })
  expect(vi.getTimerCount()).toBe(0)
})
