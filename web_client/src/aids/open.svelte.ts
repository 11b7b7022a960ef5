/** Which aid is open in the call page: the button in the controls, `Alt N` and the panel share it. */
export type Tab = 'number' | 'date' | 'terms'

class OpenAid {
  tab = $state<Tab | undefined>()
  /** Counts wishes to be taken to the open aid. */
  asked = $state(0)

  toggle(tab: Tab): void {
    this.tab = this.tab === tab ? undefined : tab
  }

  go(tab: Tab): void {
    this.tab = tab
    this.asked += 1
  }
}

export const openAid = new OpenAid()
