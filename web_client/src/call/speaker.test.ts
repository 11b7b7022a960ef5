import { afterEach, expect, test, vi } from 'vitest'
import { AudioOut } from './AudioOut'
import { CallController } from './CallController'
import type { Join } from './join'

afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
  localStorage.clear()
})

test('the headset of the last call is used in this one, and when it is unplugged what the machine has', async () => {
  const there = [{ kind: 'audiooutput', deviceId: 'headset' }]
  vi.stubGlobal('navigator', {
    mediaDevices: {
      addEventListener() {},
      removeEventListener() {},
      enumerateDevices: async () => there,
    },
  })
  localStorage.setItem('tarjuman.devices', JSON.stringify({ speaker: 'headset' }))
  const chosen = vi.spyOn(AudioOut.prototype, 'choose').mockResolvedValue()
  const never = () => new Promise<Join>(() => {})
  const controller = new CallController({ first: never, again: never }, { camera: false })
  await controller.local.refreshDevices()
  expect(chosen).toHaveBeenLastCalledWith('headset')
  there.length = 0
  await controller.local.refreshDevices()
  expect(chosen).toHaveBeenLastCalledWith(undefined)
  controller.close()
})
