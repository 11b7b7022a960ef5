/** Keyboard shortcuts by physical position (`event.code`), listed by `Alt /`, off where they would type, and off altogether on wish. */
import { untrack } from 'svelte'

export type Shortcut = {
  /** `KeyM`, `Digit1`, `Slash`, `F2`. */
  code: string
  alt?: boolean
  /** How the key is written in the list, such as `Alt M`. */
  keys: string
  /** What it does, already in the language shown; a function so that the list follows the language. */
  does: () => string
  run: () => void
  /** Also inside text fields (only for keys that never type). */
  whileTyping?: boolean
}

const memory = 'tarjuman.keys'

class Keys {
  list = $state.raw<readonly Shortcut[]>([])
  showing = $state(false)
  on = $state(localStorage.getItem(memory) !== 'off')

  /** Adds shortcuts for as long as a page is shown: `$effect(() => keys.add([...]))`. */
  add(shortcuts: readonly Shortcut[]): () => void {
    this.list = [...untrack(() => this.list), ...shortcuts]
    return () => {
      this.list = untrack(() => this.list).filter((s) => !shortcuts.includes(s))
    }
  }

  turn(on: boolean): void {
    this.on = on
    localStorage.setItem(memory, on ? 'on' : 'off')
  }

  handle(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return
    if (event.altKey && event.code === 'Slash') {
      event.preventDefault()
      this.showing = true
      return
    }
    if (!this.on) return
    const typing = (event.target as Element | null)?.closest?.('input, textarea, select, [contenteditable]')
    const hit = this.list.find((s) => s.code === event.code && Boolean(s.alt) === event.altKey)
    if (!hit || (typing && !hit.whileTyping)) return
    event.preventDefault()
    hit.run()
  }

  listen(): void {
    addEventListener('keydown', (event) => this.handle(event))
  }
}

export const keys = new Keys()
