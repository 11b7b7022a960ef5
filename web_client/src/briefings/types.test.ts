import { expect, test } from 'vitest'
import { here, isOver, nextGroup, type Post } from './types'

const post = (state: string): Post => ({
  id: state,
  nr: 1,
  site: 'RS-PRESEVO',
  code: 'RS-PRESEVO/1',
  linked: true,
  state,
  word: false,
  groups: [],
})

test('counts the posts that are in the room', () => {
  expect(here([post('present'), post('lost'), post('away'), post('present')])).toBe(2)
})

test('groups are numbered on, whatever was corrected', () => {
  expect(nextGroup([])).toBe(1)
  expect(nextGroup([1, 3, 2, 1])).toBe(4)
})

test('knows what is over', () => {
  expect(['looking', 'ready', 'live', 'over', 'cancelled', 'unfilled'].filter((state) => isOver({ state }))).toEqual([
    'over',
    'cancelled',
  ])
})
