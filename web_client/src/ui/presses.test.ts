import { afterEach, describe, expect, it, vi } from 'vitest'
import { live } from './live.svelte'
import { enter, sayWhy } from './presses'

afterEach(() => {
  document.body.innerHTML = ''
  live.assertive = ''
})
const event = (at: Element | null, type: string, init: KeyboardEventInit = {}) => {
  const made = new KeyboardEvent(type, { bubbles: true, cancelable: true, ...init })
  at?.dispatchEvent(made)
  return made
}

describe('a press', () => {
  it('on a locked button says the sentence that it points to, and nothing where the button works', () => {
    document.body.innerHTML =
      '<p id="why">First  choose\n a time.</p><button id="a" aria-disabled="true" aria-describedby="why"><i>x</i></button><button id="b" aria-describedby="why">y</button>'
    document.addEventListener('click', sayWhy, true)
    document.querySelector<HTMLElement>('#b')?.click()
    expect(live.assertive).toBe('')
    document.querySelector<HTMLElement>('#a i')?.click()
    expect(live.assertive).toBe('First choose a time.')
    document.removeEventListener('click', sayWhy, true)
  })

  it('of Enter in a line of a dialog does what its main button does, once', () => {
    document.body.innerHTML =
      '<dialog open><input id="line"><textarea id="text"></textarea><form><input id="own"></form><div class="actions"><button class="btn">no</button><button class="btn primary">yes</button></div></dialog>'
    document.addEventListener('keydown', enter)
    const yes = vi.fn()
    document.querySelector('.primary')?.addEventListener('click', yes)
    expect(event(document.querySelector('#line'), 'keydown', { key: 'Enter' }).defaultPrevented).toBe(true)
    event(document.querySelector('#line'), 'keydown', { key: 'a' })
    event(document.querySelector('#text'), 'keydown', { key: 'Enter' })
    event(document.querySelector('#own'), 'keydown', { key: 'Enter' })
    expect(yes).toHaveBeenCalledTimes(1)
    document.removeEventListener('keydown', enter)
  })
})
