/** Short confirmations at the lower edge, 6 s each. Never an error: those stay in the page. */
const shownFor = 6000

class Toasts {
  text = $state<string | undefined>()
  #end: ReturnType<typeof setTimeout> | undefined

  show(text: string): void {
    clearTimeout(this.#end)
    this.text = text
    this.#end = setTimeout(() => {
      this.text = undefined
    }, shownFor)
  }
}

export const toasts = new Toasts()
