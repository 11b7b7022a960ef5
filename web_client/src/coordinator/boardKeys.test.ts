import { expect, test } from 'vitest'
import { neighbour } from './boardKeys'

test('up and down stay in the lane, sideways goes to the next lane that has cards', () => {
  const sizes = [3, 0, 2]
  expect(neighbour(sizes, 0, 0, 'ArrowDown', false)).toEqual([0, 1])
  expect(neighbour(sizes, 0, 2, 'ArrowDown', false)).toBeUndefined()
  expect(neighbour(sizes, 0, 0, 'ArrowUp', false)).toBeUndefined()
  expect(neighbour(sizes, 0, 2, 'ArrowRight', false)).toEqual([2, 1])
  expect(neighbour(sizes, 0, 2, 'ArrowLeft', false)).toBeUndefined()
})

test('in writing from the right the lanes run the other way', () => {
  expect(neighbour([1, 1], 0, 0, 'ArrowLeft', true)).toEqual([1, 0])
  expect(neighbour([1, 1], 1, 0, 'ArrowRight', true)).toEqual([0, 0])
})
