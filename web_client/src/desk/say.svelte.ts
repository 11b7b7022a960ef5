/** Plays the spoken samples, one at a time. They are made by a machine voice; what has none stays silent. */

const made = new Map<string, Promise<string>>()
let now: HTMLAudioElement | undefined
let turn = 0

class Speaker {
  /** Which sample is heard now. */
  name = $state('')
}
export const speaker = new Speaker()

/** Fetched whole and played from memory: a worker that answers from its store cannot give pieces of a file to every browser. */
const loaded = (name: string): Promise<string> => {
  const known = made.get(name)
  if (known) return known
  const coming = fetch(`/voices/${name}.mp3`).then(async (answer) => {
    if (!answer.ok) throw new Error(`no sample ${name}`)
    return URL.createObjectURL(await answer.blob())
  })
  made.set(name, coming)
  coming.catch(() => made.delete(name))
  return coming
}

export function hush(): void {
  turn += 1
  now?.pause()
  now = undefined
  speaker.name = ''
}

/** Says a sample; false when it cannot be heard. */
export async function say(name: string): Promise<boolean> {
  hush()
  const mine = turn
  speaker.name = name
  try {
    const source = await loaded(name)
    if (mine !== turn) return true
    const audio = new Audio(source)
    now = audio
    audio.onended = () => {
      if (mine === turn) hush()
    }
    await audio.play()
    return true
  } catch {
    if (mine === turn) hush()
    return false
  }
}
