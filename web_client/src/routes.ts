/** Which page stands under which address, who is offered it, and whether the head of the page is shown. Each page is its own chunk. */
import type { Component } from 'svelte'
import type { Role } from './api/types'
import type { Key } from './i18n/index.svelte'
import { match, type PathParams } from './lib/router.svelte'

export type PageModule = { default: Component<PathParams> }
export type Route = {
  path: string
  /** For the window's title. */
  title: Key
  /** Any one of these roles; `undefined`: also without sign-in. */
  roles?: readonly Role[]
  /** Without the head of the page: sign-in, call, the person's tablet. */
  bare?: boolean
  load: () => Promise<PageModule>
}

const everybody: readonly Role[] = ['interviewer', 'interpreter', 'coordinator', 'administrator', 'auditor']
const page = (load: () => Promise<{ default: unknown }>): (() => Promise<PageModule>) => load as () => Promise<PageModule>

export const routes: readonly Route[] = [
  { path: '/sign-in', title: 'auth.title', bare: true, load: page(() => import('./auth/SignInPage.svelte')) },
  { path: '/account', title: 'account.title', roles: everybody, load: page(() => import('./auth/AccountPage.svelte')) },
]

export function find(path: string): { route: Route; params: PathParams } | undefined {
  for (const route of routes) {
    const params = match(route.path, path)
    if (params) return { route, params }
  }
  return undefined
}
