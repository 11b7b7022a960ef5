/** Light, dark, or as the system says. */
type Choice = 'light' | 'dark'

const memory = 'tarjuman.theme'
const dark = matchMedia('(prefers-color-scheme: dark)')

class Theme {
  #chosen = $state<Choice | undefined>()
  #system = $state<Choice>(dark.matches ? 'dark' : 'light')

  constructor() {
    const kept = localStorage.getItem(memory)
    if (kept === 'light' || kept === 'dark') this.#chosen = kept
    dark.addEventListener('change', () => {
      this.#system = dark.matches ? 'dark' : 'light'
    })
    this.#apply()
  }

  get shown(): Choice {
    return this.#chosen ?? this.#system
  }

  toggle(): void {
    this.#chosen = this.shown === 'dark' ? 'light' : 'dark'
    localStorage.setItem(memory, this.#chosen)
    this.#apply()
  }

  #apply(): void {
    if (this.#chosen) document.documentElement.dataset.theme = this.#chosen
    else delete document.documentElement.dataset.theme
  }
}

export const theme = new Theme()
