/** Address bar and pages: patterns such as `/cases/:id`, history entries, links caught on the document. No loading in here. */

export type PathParams = Record<string, string>

/** Matches `path` against `pattern` segment by segment; undefined when they differ. */
export function match(pattern: string, path: string): PathParams | undefined {
  const want = pattern.split('/')
  const have = path.replace(/(.)\/$/, '$1').split('/')
  if (want.length !== have.length) return undefined
  const params: PathParams = {}
  for (const [i, segment] of want.entries()) {
    const actual = have[i] ?? ''
    if (segment.startsWith(':')) {
      if (actual === '') return undefined
      params[segment.slice(1)] = decodeURIComponent(actual)
    } else if (segment !== actual) return undefined
  }
  return params
}

class Router {
  path = $state(location.pathname)
  search = $state(location.search)
  #guard: (() => boolean) | undefined

  get query(): URLSearchParams {
    return new URLSearchParams(this.search)
  }

  go(to: string, options: { replace?: boolean } = {}): void {
    if (this.#guard && !this.#guard()) return
    this.#guard = undefined
    if (options.replace) history.replaceState(null, '', to)
    else history.pushState(null, '', to)
    this.#read()
    scrollTo(0, 0)
  }

  /** Changes the query of the present page without a new history entry (filters, page numbers). */
  setQuery(values: Record<string, string | number | undefined>): void {
    const query = this.query
    for (const [key, value] of Object.entries(values)) {
      if (value === undefined || value === '') query.delete(key)
      else query.set(key, String(value))
    }
    const text = query.toString()
    history.replaceState(null, '', text === '' ? this.path : `${this.path}?${text}`)
    this.#read()
  }

  /** A page that holds unsaved work asks before it is left; `may` returns false to stay. Returns how to take it away. */
  guard(may: () => boolean): () => void {
    this.#guard = may
    return () => {
      if (this.#guard === may) this.#guard = undefined
    }
  }

  #read(): void {
    this.path = location.pathname
    this.search = location.search
  }

  /** Catches plain clicks on same-origin links and the browser's back and forward. */
  start(): void {
    addEventListener('popstate', () => this.#read())
    document.addEventListener('click', (event) => {
      if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
      const link = (event.target as Element | null)?.closest?.('a[href]')
      if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute('download')) return
      if (link.origin !== location.origin || link.pathname.startsWith('/api/') || link.pathname.startsWith('/demo/')) return
      if (link.pathname === location.pathname && link.hash) return
      event.preventDefault()
      this.go(link.pathname + link.search + link.hash)
    })
  }
}

export const router = new Router()
