import { afterEach, expect, test, vi } from 'vitest'
import { api } from '../api/client'
import { tab } from '../realtime/tab'
import { testLine } from './lineTest'

afterEach(() => {
  vi.restoreAllMocks()
})

test('a test that nobody waits for any more leaves the socket of the tab alone', async () => {
  const stop = new AbortController()
  vi.spyOn(api, 'post').mockImplementation(async () => {
    stop.abort()
    return { grant: 'g', ice_servers: [] } as never
  })
  const enter = vi.spyOn(tab, 'enter')
  const found = await testLine(null, stop.signal)
  expect(found.grade).toBe('none')
  expect(enter).not.toHaveBeenCalled()
})
