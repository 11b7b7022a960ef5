/**
 * What is heard: everybody's sound through one limiter into one audio element, so that a speaker can be chosen and nothing hurts the ear.
 * The browser may refuse to play before a tap; then `blocked` is true until `unlock` was called from one.
 */
export class AudioOut {
  /** The browser waits for a tap before it plays. */
  blocked = false
  #context: AudioContext | undefined
  #limiter: DynamicsCompressorNode | undefined
  #element: HTMLAudioElement | undefined
  #voices = new Map<string, { track: MediaStreamTrack; source: MediaStreamAudioSourceNode; pump: HTMLAudioElement }>()
  #changed: () => void
  #speaker: string | undefined

  constructor(changed: () => void) {
    this.#changed = changed
  }

  /** For sounds of our own: the same context, behind the same limiter. */
  get desk(): { context: AudioContext; out: AudioNode } | undefined {
    this.#build()
    return this.#context && this.#limiter ? { context: this.#context, out: this.#limiter } : undefined
  }

  /** Call from a click or a key: the moment in which browsers allow sound. */
  async unlock(): Promise<void> {
    this.#build()
    await this.#context?.resume().catch(() => {})
    await this.#play()
  }

  /** Plays exactly these tracks, by participant. */
  set(tracks: { participant: string; track: MediaStreamTrack }[]): void {
    this.#build()
    const context = this.#context
    if (!context || !this.#limiter) return
    const wanted = new Map(tracks.map((one) => [one.participant, one.track]))
    for (const [id, voice] of [...this.#voices]) {
      if (wanted.get(id) === voice.track) continue
      voice.source.disconnect()
      voice.pump.srcObject = null
      this.#voices.delete(id)
    }
    for (const [id, track] of wanted) {
      if (this.#voices.has(id)) continue
      const stream = new MediaStream([track])
      // Chromium feeds a remote track into WebAudio only while an element consumes it too; this one stays mute.
      const pump = Object.assign(new Audio(), { muted: true, srcObject: stream })
      void pump.play().catch(() => {})
      const source = context.createMediaStreamSource(stream)
      source.connect(this.#limiter)
      this.#voices.set(id, { track, source, pump })
    }
    if (wanted.size > 0) void this.#play()
  }

  /** Where sound comes out; nothing given is what the machine takes by itself. */
  async choose(speaker: string | undefined): Promise<void> {
    if (speaker === this.#speaker) return
    this.#speaker = speaker
    this.#build()
    await this.#route()
  }

  async #route(): Promise<void> {
    const element = this.#element as (HTMLAudioElement & { setSinkId?: (id: string) => Promise<void> }) | undefined
    await element?.setSinkId?.(this.#speaker ?? '').catch(() => {})
  }

  /** The page is visible again or a phone call ended: go on playing. */
  async revive(): Promise<void> {
    if (this.#voices.size === 0) return
    await this.#play()
  }

  close(): void {
    for (const voice of this.#voices.values()) {
      voice.source.disconnect()
      voice.pump.srcObject = null
    }
    this.#voices.clear()
    this.#element?.remove()
    void this.#context?.close().catch(() => {})
    this.#context = this.#limiter = this.#element = undefined
  }

  #build(): void {
    if (this.#context || typeof AudioContext === 'undefined') return
    const context = new AudioContext({ latencyHint: 'interactive' })
    const limiter = context.createDynamicsCompressor()
    limiter.threshold.value = -10
    limiter.knee.value = 0
    limiter.ratio.value = 20
    limiter.attack.value = 0.003
    limiter.release.value = 0.25
    const out = context.createMediaStreamDestination()
    limiter.connect(out)
    const element = Object.assign(new Audio(), { srcObject: out.stream })
    element.dataset.testid = 'call-audio'
    element.hidden = true
    document.body.append(element)
    context.onstatechange = () => this.#note()
    this.#context = context
    this.#limiter = limiter
    this.#element = element
    if (this.#speaker) void this.#route()
  }

  async #play(): Promise<void> {
    // "suspended", or "interrupted" where a telephone call took the sound away.
    if (this.#context && this.#context.state !== 'running')
      await Promise.race([this.#context.resume().catch(() => {}), new Promise((done) => setTimeout(done, 300))])
    let refused = false
    await this.#element?.play().catch((thrown: unknown) => {
      refused = thrown instanceof Error && thrown.name === 'NotAllowedError'
    })
    this.#note(refused)
  }

  #note(refused = false): void {
    const blocked = this.#voices.size > 0 && (refused || this.#context?.state !== 'running')
    if (blocked === this.blocked) return
    this.blocked = blocked
    this.#changed()
  }
}
