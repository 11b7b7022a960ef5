import { describe, expect, it } from 'vitest'
import { checkFailed, underWay } from './check'

describe('the call for a confirmation', () => {
  it('runs until it is over', () => {
    expect(underWay(null)).toBe(false)
    for (const state of ['queued', 'ringing', 'asked']) expect(underWay({ state, why: null, error: null })).toBe(true)
    expect(underWay({ state: 'ended', why: 'busy', error: null })).toBe(false)
  })
  it('says why it confirmed nothing, and has a sentence for what it does not know', () => {
    expect(checkFailed(null)).toBeUndefined()
    expect(checkFailed({ state: 'ringing', why: null, error: null })).toBeUndefined()
    expect(checkFailed({ state: 'ended', why: 'confirmed', error: null })).toBeUndefined()
    expect(checkFailed({ state: 'ended', why: 'pin_refused', error: null })).toBe('pin_refused')
    expect(checkFailed({ state: 'ended', why: 'cancelled', error: null })).toBe('failed')
    expect(checkFailed({ state: 'ended', why: 'failed', error: 'carrier_failed' })).toBe('failed')
  })
})
