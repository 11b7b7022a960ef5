/** A component that is not needed for the first sound: fetched soon after, or at once when somebody asks for it. */
export class Late<T> {
  value = $state.raw<T | undefined>()
  #load: () => Promise<{ default: T }>

  constructor(load: () => Promise<{ default: T }>) {
    this.#load = load
  }

  /** Rejects when the line is away; the next call tries again. */
  async get(): Promise<T> {
    this.value ??= (await this.#load()).default
    return this.value
  }
}
