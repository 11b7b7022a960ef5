import { expect, test } from 'vitest'
import { keyBytes, sameKey } from './push'
import { reasonKey } from './turns'

test('the key of the server is read from base64url, whatever its length', () => {
  expect([...keyBytes('AQID')]).toEqual([1, 2, 3])
  expect([...keyBytes('-_8')]).toEqual([251, 255])
})

test('a subscription made with another key is not ours any more', () => {
  const made = (bytes: number[] | null) => ({
    options: { applicationServerKey: bytes && new Uint8Array(bytes).buffer, userVisibleOnly: true },
  })
  expect(sameKey(made([1, 2]), new Uint8Array([1, 2]))).toBe(true)
  expect(sameKey(made([1, 3]), new Uint8Array([1, 2]))).toBe(false)
  expect(sameKey(made(null), new Uint8Array([1, 2]))).toBe(false)
})

test('the reason depends on whether one was rung', () => {
  expect(reasonKey({ chosen: true, because: 'share' })).toBe('ring.yes.share')
  expect(reasonKey({ chosen: false, because: 'idle' })).toBe('ring.no.idle')
})
