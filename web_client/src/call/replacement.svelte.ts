/** The search for another interpreter while the session stays: started by the officer, followed until somebody takes it. */
import { api } from '../api/client'
import type { BookingView } from '../api/types'
import { type AppError, asAppError } from '../lib/errors'
import { tab } from '../realtime/tab'

export class Replacement {
  booking = $state.raw<BookingView | undefined>()
  busy = $state(false)
  error = $state.raw<AppError | undefined>()
  #stop: (() => void) | undefined
  #sessionId: string

  constructor(sessionId: string) {
    this.#sessionId = sessionId
  }

  /** People rung now; undefined before the search began. */
  get ringing(): number | undefined {
    const { booking } = this
    if (!booking || (booking.state !== 'offering' && booking.state !== 'requested')) return undefined
    return booking.offers.filter((one) => one.state === 'pending').length
  }

  async start(): Promise<void> {
    this.busy = true
    this.error = undefined
    try {
      const record = await api.get<{ case_id: string }>(`/api/sessions/${encodeURIComponent(this.#sessionId)}`)
      const open = await api.get<{ booking_id: string | null; bookings: BookingView[] }>(
        `/api/cases/${encodeURIComponent(record.case_id)}`,
      )
      const id = open.bookings.find((one) => one.session_id === this.#sessionId)?.id ?? open.booking_id
      if (!id) return
      this.booking = await api.post<BookingView>(`/api/bookings/${encodeURIComponent(id)}/replace`)
      this.#follow(id)
    } catch (thrown) {
      this.error = asAppError(thrown)
    } finally {
      this.busy = false
    }
  }

  close(): void {
    this.#stop?.()
  }

  #follow(id: string): void {
    this.#stop?.()
    this.#stop = tab.follow(`booking:${id}`, {
      event: (frame) => {
        if (frame.name === 'booking.changed') this.booking = frame.data as BookingView
      },
      stale: () => {
        void api.get<BookingView>(`/api/bookings/${encodeURIComponent(id)}`).then(
          (booking) => {
            this.booking = booking
          },
          () => {
            // The next event brings the state; the banner keeps what it shows.
          },
        )
      },
    })
  }
}
