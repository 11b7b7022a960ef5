/** One booking as it changes: read over HTTP, then followed over the socket; read anew every few seconds while there is none. */
import { api } from '../api/client'
import { Resource } from '../api/resource.svelte'
import type { BookingView } from '../api/types'
import { tab } from '../realtime/tab'

const fallbackMs = 3000

export class BookingWatch extends Resource<BookingView> {
  readonly #id: string

  constructor(id: string) {
    super((signal) => api.get(`/api/bookings/${id}`, undefined, signal))
    this.#id = id
  }

  override follow(): () => void {
    const stop = super.follow()
    const unfollow = tab.follow(`booking:${this.#id}`, {
      event: (frame) => {
        if (frame.name === 'booking.changed') this.set(frame.data as BookingView)
      },
      stale: () => void this.load(),
    })
    const poll = setInterval(() => {
      if (tab.state !== 'open') void this.load()
    }, fallbackMs)
    return () => {
      clearInterval(poll)
      unfollow()
      stop()
    }
  }
}
