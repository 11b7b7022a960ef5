import { describe, expect, it } from 'vitest'
import { fitting, isAt, mostFor } from './nav'

describe('head of the page', () => {
  it('shows everything where there is room', () => {
    expect(fitting([80, 80, 80], 70, 240, 5)).toBe(3)
  })
  it('makes no menu for one entry that would fit', () => {
    expect(fitting([80, 80, 80, 80], 70, 320, 3)).toBe(4)
    expect(fitting([80, 80, 80, 80, 80], 70, 400, 3)).toBe(3)
  })
  it('leaves room for the button of the menu', () => {
    expect(fitting([80, 80, 80, 80], 70, 319, 5)).toBe(3)
    expect(fitting([80, 80, 80, 80], 70, 309, 5)).toBe(2)
    expect(fitting([80, 80, 80, 80], 70, 149, 5)).toBe(0)
  })
  it('never shows more than the window allows', () => {
    expect(fitting([50, 50, 50, 50, 50, 50, 50], 40, 2000, mostFor(1366))).toBe(5)
    expect(fitting([50, 50, 50, 50, 50, 50, 50], 40, 2000, mostFor(800))).toBe(3)
  })
  it('knows pages under an entry', () => {
    const entry = { path: '/pool', also: ['/quality'] }
    expect([isAt(entry, '/pool'), isAt(entry, '/pool/1'), isAt(entry, '/quality'), isAt(entry, '/pools')]).toEqual([
      true,
      true,
      true,
      false,
    ])
  })
})
