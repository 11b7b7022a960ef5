/** Sounds made in the browser, no files (ux, section 4). Each has a visible twin; a limiter stands behind all of them. */
const D5 = 587.33
const G5 = 783.99
const A4 = 440
const E4 = 329.63

/** A linear gain from decibels relative to full scale. */
export const gainOf = (decibels: number): number => 10 ** (decibels / 20)

type Desk = { context: AudioContext; out: AudioNode }

function tone(desk: Desk, frequency: number, at: number, seconds: number, decibels: number, type: OscillatorType = 'sine'): void {
  const { context, out } = desk
  const voice = context.createOscillator()
  const volume = context.createGain()
  voice.type = type
  voice.frequency.value = frequency
  const peak = gainOf(decibels)
  const edge = Math.min(0.03, seconds / 4)
  volume.gain.setValueAtTime(0, at)
  volume.gain.linearRampToValueAtTime(peak, at + edge)
  volume.gain.setValueAtTime(peak, at + seconds - edge)
  volume.gain.linearRampToValueAtTime(0, at + seconds)
  voice.connect(volume).connect(out)
  voice.start(at)
  voice.stop(at + seconds + 0.02)
  voice.onended = () => volume.disconnect()
}

/** A4 down to E4, twice 140 ms, once: to the one who lost the line. */
export function lineLost(desk: Desk): void {
  const now = desk.context.currentTime
  tone(desk, A4, now, 0.14, -22)
  tone(desk, E4, now + 0.15, 0.14, -22)
}

/** E4 up to A4, once. */
export function lineBack(desk: Desk): void {
  const now = desk.context.currentTime
  tone(desk, E4, now, 0.14, -22)
  tone(desk, A4, now + 0.15, 0.14, -22)
}

/** One wooden tick of 90 ms for Please pause, Break and Stop. */
export function tick(desk: Desk): void {
  tone(desk, 210, desk.context.currentTime, 0.09, -26, 'triangle')
}

/** The speaker test: left, then right. Resolves when it has sounded. */
export async function testTone(desk: Desk): Promise<void> {
  const { context, out } = desk
  for (const [side, frequency] of [
    [-1, D5],
    [1, G5],
  ] as const) {
    const pan = context.createStereoPanner()
    pan.pan.value = side
    pan.connect(out)
    tone({ context, out: pan }, frequency, context.currentTime, 0.5, -20)
    await new Promise((done) => setTimeout(done, 650))
    pan.disconnect()
  }
}

const ringEvery = 2000
/** Level of the n-th ring in dBFS: soft first, rising to -14. */
export const ringLevel = (n: number): number => Math.min(-14, -24 + n * 1.25)

/** The ring: D5 and G5 together, 400 ms, every 2 s, at most 20 s. Returns how to silence it. */
export function ring(desk: Desk, longest = 20_000): () => void {
  let n = 0
  const sound = () => {
    const now = desk.context.currentTime
    tone(desk, D5, now, 0.4, ringLevel(n) - 3)
    tone(desk, G5, now, 0.4, ringLevel(n) - 3)
    n += 1
  }
  sound()
  const timer = setInterval(sound, ringEvery)
  const end = setTimeout(() => clearInterval(timer), Math.max(0, longest - 400))
  return () => {
    clearInterval(timer)
    clearTimeout(end)
  }
}
