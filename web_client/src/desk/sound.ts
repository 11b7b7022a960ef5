/**
 * Half a minute of sound for the listening helper: recorded here, made 16 kHz mono here, sent once. It is in the memory of this page only,
 * and is dropped when the answer is there or the recording is thrown away.
 */

export const rate = 16_000
export const shortest = 10
export const longest = 30

/** A WAV file (16 bit, mono, 16 kHz) of samples between -1 and 1. */
export function wavOf(samples: Float32Array): Blob {
  const head = new DataView(new ArrayBuffer(44))
  const text = (offset: number, word: string) => {
    for (const [n, letter] of [...word].entries()) head.setUint8(offset + n, letter.charCodeAt(0))
  }
  const bytes = samples.length * 2
  text(0, 'RIFF')
  head.setUint32(4, 36 + bytes, true)
  text(8, 'WAVEfmt ')
  head.setUint32(16, 16, true)
  head.setUint16(20, 1, true)
  head.setUint16(22, 1, true)
  head.setUint32(24, rate, true)
  head.setUint32(28, rate * 2, true)
  head.setUint16(32, 2, true)
  head.setUint16(34, 16, true)
  text(36, 'data')
  head.setUint32(40, bytes, true)
  const pcm = new DataView(new ArrayBuffer(bytes))
  samples.forEach((value, n) => {
    pcm.setInt16(n * 2, Math.round(Math.max(-1, Math.min(1, value)) * 32_767), true)
  })
  return new Blob([head, pcm], { type: 'audio/wav' })
}

async function resampled(recording: Blob): Promise<Float32Array> {
  const ear = new AudioContext()
  try {
    const heard = await ear.decodeAudioData(await recording.arrayBuffer())
    const most = Math.min(heard.duration, longest)
    const bench = new OfflineAudioContext(1, Math.max(1, Math.floor(most * rate)), rate)
    const source = bench.createBufferSource()
    source.buffer = heard
    source.connect(bench.destination)
    source.start()
    return (await bench.startRendering()).getChannelData(0)
  } finally {
    await ear.close()
  }
}

/** One recording; `level` (0 to 1) is told about ten times a second. */
export class Recording {
  #stream: MediaStream | undefined
  #recorder: MediaRecorder | undefined
  #parts: Blob[] = []
  #ear: AudioContext | undefined
  #beat: ReturnType<typeof setInterval> | undefined

  /** Asks for the microphone. Throws what the browser throws when there is none or it is refused. */
  async start(level: (now: number) => void): Promise<void> {
    this.#stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: false, noiseSuppression: true, autoGainControl: true },
    })
    this.#recorder = new MediaRecorder(this.#stream)
    this.#recorder.ondataavailable = (event) => this.#parts.push(event.data)
    this.#recorder.start()
    this.#ear = new AudioContext()
    const meter = this.#ear.createAnalyser()
    meter.fftSize = 512
    this.#ear.createMediaStreamSource(this.#stream).connect(meter)
    const values = new Float32Array(meter.fftSize)
    this.#beat = setInterval(() => {
      meter.getFloatTimeDomainData(values)
      level(Math.min(1, Math.sqrt(values.reduce((sum, one) => sum + one * one, 0) / values.length) * 6))
    }, 100)
  }

  /** Ends it and gives the sound as WAV; nothing is kept here. */
  async take(): Promise<Blob> {
    const recorder = this.#recorder
    if (!recorder) throw new Error('nothing is recorded')
    const ended = new Promise<void>((done) => {
      recorder.onstop = () => done()
    })
    recorder.stop()
    await ended
    const whole = new Blob(this.#parts, { type: recorder.mimeType })
    this.drop()
    return wavOf(await resampled(whole))
  }

  /** Throws away whatever there is and lets the microphone go. */
  drop(): void {
    clearInterval(this.#beat)
    if (this.#recorder && this.#recorder.state !== 'inactive') this.#recorder.stop()
    for (const track of this.#stream?.getTracks() ?? []) track.stop()
    void this.#ear?.close().catch(() => undefined)
    this.#parts = []
    this.#recorder = this.#stream = this.#ear = undefined
  }
}
