/**
 * The own microphone and camera: asked for once, kept through device changes, never unmuted by anything but the person.
 * Sound comes first: a camera that fails takes nothing away from the microphone.
 */
export type MediaFault = 'denied' | 'none' | 'busy' | 'failed'
export type Devices = { microphones: MediaDeviceInfo[]; cameras: MediaDeviceInfo[]; speakers: MediaDeviceInfo[] }
export type Choice = { microphone?: string; camera?: string; speaker?: string }

const key = 'tarjuman.devices'

/** The devices chosen last on this machine. */
export function remembered(): Choice {
  try {
    return JSON.parse(localStorage.getItem(key) ?? '{}') as Choice
  } catch {
    return {}
  }
}

/** Keeps a choice for the next call; without storage it lasts for this page only. */
export function remember(choice: Choice): void {
  try {
    localStorage.setItem(key, JSON.stringify({ ...remembered(), ...choice }))
  } catch {
    // Private windows refuse storage: nothing is lost but the convenience.
  }
}

export function faultOf(thrown: unknown): MediaFault {
  const name = thrown instanceof Error ? thrown.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied'
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'none'
  if (name === 'NotReadableError' || name === 'AbortError') return 'busy'
  return 'failed'
}

const exact = (id: string | undefined): MediaTrackConstraints => (id ? { deviceId: { ideal: id } } : {})
const silentAfter = 5000
/** Below this the microphone gives nothing at all: digital silence, not a quiet room. */
const nothing = 0.00002

export class LocalMedia {
  audio: MediaStreamTrack | null = null
  video: MediaStreamTrack | null = null
  muted = false
  audioFault: MediaFault | undefined
  videoFault: MediaFault | undefined
  devices: Devices = { microphones: [], cameras: [], speakers: [] }
  /** The microphone is on and gives digital silence. */
  silent = false
  /** Level of the microphone now, 0..1 (root mean square). */
  level = 0
  choice: Choice = remembered()
  #changed: () => void
  #context: AudioContext | undefined
  #analyser: AnalyserNode | undefined
  #source: MediaStreamAudioSourceNode | undefined
  #watch: ReturnType<typeof setInterval> | undefined
  #lastSound = 0
  #closed = false
  #wantCamera = false

  /** `changed` is called whenever a track, a fault or a device changed. */
  constructor(changed: () => void) {
    this.#changed = changed
    navigator.mediaDevices?.addEventListener?.('devicechange', this.#devicesChanged)
  }

  /** Opens the microphone and, when asked, the camera. Never throws: what failed is in `audioFault` and `videoFault`. */
  async open(camera: boolean): Promise<void> {
    await Promise.all([this.#openAudio(), camera ? this.#openVideo() : Promise.resolve()])
    await this.refreshDevices()
  }

  setMuted(muted: boolean): void {
    this.muted = muted
    if (this.audio) this.audio.enabled = !muted
    this.silent = false
    this.#lastSound = performance.now()
    this.#changed()
  }

  async setCamera(on: boolean): Promise<void> {
    this.#wantCamera = on
    if (on) await this.#openVideo()
    else {
      this.video?.stop()
      this.video = null
      this.videoFault = undefined
      this.#changed()
    }
  }

  async choose(choice: Choice): Promise<void> {
    this.choice = { ...this.choice, ...choice }
    remember(choice)
    if (choice.microphone !== undefined) await this.#openAudio()
    if (choice.camera !== undefined && this.video) await this.#openVideo()
    this.#changed()
  }

  /** The tab is visible again or the device came back from a phone call: a track that ended or went dead is opened anew. */
  async revive(): Promise<void> {
    if (this.#closed) return
    await this.#context?.resume().catch(() => {})
    if (this.audio && (this.audio.readyState === 'ended' || this.audio.muted || this.silent)) await this.#openAudio()
    if (this.video && this.video.readyState === 'ended') await this.#openVideo()
  }

  async refreshDevices(): Promise<void> {
    const all = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? []
    const of = (kind: MediaDeviceKind) => all.filter((one) => one.kind === kind && one.deviceId !== '')
    this.devices = { microphones: of('audioinput'), cameras: of('videoinput'), speakers: of('audiooutput') }
    if (!this.#closed) this.#changed()
  }

  close(): void {
    this.#closed = true
    navigator.mediaDevices?.removeEventListener?.('devicechange', this.#devicesChanged)
    clearInterval(this.#watch)
    this.audio?.stop()
    this.video?.stop()
    this.audio = this.video = null
    void this.#context?.close().catch(() => {})
  }

  #devicesChanged = (): void => {
    void this.refreshDevices().then(() => this.revive())
  }

  async #openAudio(): Promise<void> {
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: { ...exact(this.choice.microphone), echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      })
      const track = stream.getAudioTracks()[0] ?? null
      if (this.#closed) return track?.stop()
      this.audio?.stop()
      this.audio = track
      this.audioFault = undefined
      if (track) {
        track.enabled = !this.muted
        track.onended = () => void this.revive()
        this.#listen(track)
      }
    } catch (thrown) {
      this.audioFault = faultOf(thrown)
    }
    this.#changed()
  }

  async #openVideo(): Promise<void> {
    this.#wantCamera = true
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        video: { ...exact(this.choice.camera), width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 24, max: 30 } },
      })
      const track = stream.getVideoTracks()[0] ?? null
      if (this.#closed || !this.#wantCamera) return track?.stop()
      this.video?.stop()
      this.video = track
      this.videoFault = undefined
      if (track) track.onended = () => void this.revive()
    } catch (thrown) {
      this.videoFault = faultOf(thrown)
    }
    this.#changed()
  }

  #listen(track: MediaStreamTrack): void {
    if (typeof AudioContext === 'undefined') return
    this.#context ??= new AudioContext()
    this.#source?.disconnect()
    this.#analyser ??= Object.assign(this.#context.createAnalyser(), { fftSize: 1024 })
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]))
    this.#source.connect(this.#analyser)
    this.#lastSound = performance.now()
    const samples = new Float32Array(this.#analyser.fftSize)
    clearInterval(this.#watch)
    this.#watch = setInterval(() => this.#hear(samples), 100)
  }

  #hear(samples: Float32Array<ArrayBuffer>): void {
    if (!this.#analyser || this.#context?.state !== 'running') return
    this.#analyser.getFloatTimeDomainData(samples)
    let sum = 0
    for (const value of samples) sum += value * value
    this.level = Math.sqrt(sum / samples.length)
    const now = performance.now()
    if (this.level > nothing || this.muted) this.#lastSound = now
    const silent = !this.muted && now - this.#lastSound > silentAfter
    if (silent !== this.silent) {
      this.silent = silent
      this.#changed()
    }
  }
}
