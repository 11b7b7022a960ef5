/** No press without an answer, on every page with a head: a button that is not possible now says why, and Enter in a dialog does what its main button does. */
import { live } from './live.svelte'

const shownFor = 1500

/** A locked button points to the sentence that says why (`Button`): it is read out and stands out for a moment. */
export function sayWhy(event: Event): void {
  const locked = (event.target as Element | null)?.closest?.('button[aria-disabled="true"][aria-describedby]')
  const why = locked && document.getElementById(locked.getAttribute('aria-describedby') ?? '')
  const text = why?.textContent?.trim().replace(/\s+/g, ' ')
  if (!why || !text) return
  live.say(text, 'assertive')
  why.animate?.(
    [{ background: 'var(--warn-soft)', boxShadow: '0 0 0 0.4rem var(--warn-soft)' }, { background: 'transparent' }],
    shownFor,
  )
  why.scrollIntoView?.({ block: 'nearest' })
}

/** Dialogs are no forms; who writes a line and presses Enter means the button that does it. */
export function enter(event: KeyboardEvent): void {
  if (event.key !== 'Enter' || event.defaultPrevented || event.isComposing) return
  const field = event.target
  if (!(field instanceof HTMLInputElement) || !['text', 'password', 'search'].includes(field.type) || field.form) return
  const button = field.closest('dialog')?.querySelector<HTMLElement>('.actions .btn.primary, .actions .btn.danger')
  if (!button) return
  event.preventDefault()
  button.click()
}
