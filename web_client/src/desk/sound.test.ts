import { describe, expect, it } from 'vitest'
import { rate, wavOf } from './sound'

describe('sound for the helper', () => {
  it('is a WAV file as the server wants it', async () => {
    const view = new DataView(await wavOf(new Float32Array([0, 1, -1, 2, -0.5])).arrayBuffer())
    const text = (at: number, n: number) => String.fromCharCode(...Array.from({ length: n }, (_, k) => view.getUint8(at + k)))
    expect([text(0, 4), text(8, 8), text(36, 4)]).toEqual(['RIFF', 'WAVEfmt ', 'data'])
    expect([view.getUint32(4, true), view.getUint32(40, true)]).toEqual([46, 10])
    expect([view.getUint16(20, true), view.getUint16(22, true), view.getUint16(34, true)]).toEqual([1, 1, 16])
    expect([view.getUint32(24, true), view.getUint32(28, true)]).toEqual([rate, rate * 2])
    const samples = Array.from({ length: 5 }, (_, n) => view.getInt16(44 + n * 2, true))
    expect(samples.slice(0, 4)).toEqual([0, 32_767, -32_767, 32_767])
  })
})
