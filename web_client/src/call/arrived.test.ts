import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { live } from '../ui/live.svelte'
import { arrived } from './arrived'

describe('a new stage of the call', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    live.polite = ''
  })
  afterEach(() => {
    vi.useRealTimers()
    document.body.innerHTML = ''
  })

  it('has the focus on its heading, also when that is fetched late', async () => {
    document.body.innerHTML = '<main id="main" tabindex="-1"></main>'
    document.getElementById('main')?.focus()
    const done = arrived()
    await vi.advanceTimersByTimeAsync(500)
    document.body.innerHTML = '<main id="main" tabindex="-1"><h1>You are being connected</h1></main>'
    await vi.advanceTimersByTimeAsync(100)
    await done
    expect(document.activeElement?.tagName).toBe('H1')
    expect(live.polite).toBe('')
  })

  it('is said, not jumped to, while somebody writes', async () => {
    document.body.innerHTML = '<h1>The talk is over</h1><input>'
    document.querySelector('input')?.focus()
    const done = arrived()
    await vi.advanceTimersByTimeAsync(100)
    await done
    expect([document.activeElement?.tagName, live.polite]).toEqual(['INPUT', 'The talk is over'])
  })

  it('goes to the newest of two', async () => {
    document.body.innerHTML = '<h1>First</h1>'
    const first = arrived()
    const second = arrived()
    await vi.advanceTimersByTimeAsync(100)
    await Promise.all([first, second])
    expect(document.activeElement?.textContent).toBe('First')
  })
})
