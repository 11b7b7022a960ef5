import { beforeEach, expect, test, vi } from 'vitest'
import { AppError } from '../lib/errors'
import { guestEntry } from './join'

const post = vi.hoisted(() => vi.fn())
vi.mock('../api/client', () => ({ api: { post } }))
const place = { connection: 'conn-1', secret: 'secret-of-the-place' }
const keys = () => post.mock.calls.map(([, , options]) => (options as { key: string }).key)

beforeEach(() => {
  post.mockReset()
  localStorage.clear()
  sessionStorage.clear()
  guestEntry('').keepPlace?.(place)
})

test('a link keeps its key until it has led into the room, however often it is pressed or loaded', async () => {
  post.mockRejectedValueOnce(new AppError('timeout'))
  await expect(guestEntry('link-1').first()).rejects.toMatchObject({ code: 'timeout' })
  post.mockResolvedValue({ session_id: 's' })
  await guestEntry('link-1').first() // pressed again, or the page was loaded again
  const mine = guestEntry('link-1')
  await mine.first() // the answer came, the way in was lost
  expect(new Set(keys()).size).toBe(1)
  expect(JSON.stringify(localStorage)).not.toContain('link-1')
  mine.keepPlace?.(place)
  await guestEntry('link-2').first()
  expect(new Set(keys()).size).toBe(2)
})

test('without storage the key holds for the page', async () => {
  const refused = vi.fn(() => {
    throw new Error('no storage here')
  })
  vi.stubGlobal('localStorage', { getItem: refused, setItem: refused, removeItem: refused })
  post.mockResolvedValue({ session_id: 's' })
  await guestEntry('link-1').first()
  await guestEntry('link-1').first()
  vi.unstubAllGlobals()
  expect(refused).toHaveBeenCalled()
  expect(new Set(keys()).size).toBe(1)
})
