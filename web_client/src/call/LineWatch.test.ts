import { beforeEach, expect, test, vi } from 'vitest'
import { LineWatch } from './LineWatch'

const turned = vi.fn<(to: 'lost' | 'back') => void>()
let line: LineWatch

beforeEach(() => {
  turned.mockClear()
  line = new LineWatch(turned)
})

test('a line that never stood is not lost', () => {
  expect(line.take({ phase: 'recovering' }).lostSince).toBeUndefined()
  expect(line.take({ grade: 'lost' }).lostSince).toBeUndefined()
  expect(turned).not.toHaveBeenCalled()
})

test('a loss is named once, keeps its beginning, and so is its end', () => {
  line.take({ phase: 'connected' })
  const since = line.take({ grade: 'lost' }).lostSince
  expect(since).toBeTypeOf('number')
  expect(line.take({ phase: 'recovering', rtt: 80 })).toMatchObject({ lostSince: since, rtt: 80 })
  expect(line.take({ phase: 'connected' }).lostSince).toBe(since)
  expect(turned.mock.calls).toEqual([['lost']])
  expect(line.take({ grade: 'fair' }).lostSince).toBeUndefined()
  expect(turned.mock.calls).toEqual([['lost'], ['back']])
})

test('a call that is closed has no lost line and does not sound as if it were back', () => {
  line.take({ phase: 'connected' })
  line.take({ phase: 'recovering' })
  expect(line.take({ phase: 'closed' }).lostSince).toBeUndefined()
  expect(turned.mock.calls).toEqual([['lost']])
})
