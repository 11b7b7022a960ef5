/** Keeps the screen awake while a call runs, where the browser can. It may be refused at any time; nothing depends on it. */
export class ScreenLock {
  #lock: WakeLockSentinel | undefined
  #closed = false

  /** Asks for it; call it again whenever the page becomes visible, because hiding a page takes the lock away. */
  async hold(): Promise<void> {
    if (this.#lock || this.#closed || !('wakeLock' in navigator)) return
    try {
      const lock = await navigator.wakeLock.request('screen')
      if (this.#closed) {
        // The call ended while the browser was still thinking.
        await lock.release()
        return
      }
      this.#lock = lock
      lock.addEventListener('release', () => {
        this.#lock = undefined
        if (document.visibilityState === 'visible') void this.hold()
      })
    } catch {
      // Refused on low battery or in the background; asked again when the page is visible.
    }
  }

  /** The screen may sleep again, for good. */
  close(): void {
    this.#closed = true
    const lock = this.#lock
    this.#lock = undefined
    void lock?.release().catch(() => {})
  }
}
