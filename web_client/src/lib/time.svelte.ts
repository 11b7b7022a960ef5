/** The present second as reactive state, and durations in words and digits. Calendar dates live in `i18n/dates.ts`. */
import { createSubscriber } from 'svelte/reactivity'
import { t } from '../i18n/index.svelte'

/** Reading `now.ms` inside an effect or template makes it run again each second; the clock stops when nobody reads it. */
class Now {
  #offset = 0
  #tick = createSubscriber((update) => {
    const id = setInterval(update, 1000)
    return () => clearInterval(id)
  })

  get ms(): number {
    this.#tick()
    return Date.now() + this.#offset
  }

  /** Takes over the server's clock, so that countdowns are right on a machine whose clock is wrong. */
  follow(serverTime: string): void {
    this.#offset = new Date(serverTime).getTime() - Date.now()
  }
}

export const now = new Now()

/** `0:31`, `12:04`, and from one hour on (or always, with `long`) `1:02:03`, long `01:02:03`. Western digits. */
export function clockText(seconds: number, long = false): string {
  const whole = Math.floor(seconds)
  const two = (n: number) => String(n).padStart(2, '0')
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  if (long) return `${two(h)}:${two(m)}:${two(s)}`
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** A wait in words: `40 s`, `1 min 40 s`, `2 h 5 min`. */
export function durationText(seconds: number): string {
  const whole = Math.round(seconds)
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const parts =
    h > 0
      ? [t('time.h', { n: h }), m > 0 ? t('time.min', { n: m }) : '']
      : [m > 0 ? t('time.min', { n: m }) : '', s > 0 || m === 0 ? t('time.s', { n: s }) : '']
  return parts.filter(Boolean).join(' ')
}
