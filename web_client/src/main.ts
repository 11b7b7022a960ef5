/** Start: texts and profile first, then the page. */
import { mount } from 'svelte'
import App from './App.svelte'
import { catalogue } from './api/catalogue.svelte'
import { net } from './api/net.svelte'
import { session } from './auth/session.svelte'
import { startTexts } from './i18n/index.svelte'
import { asAppError } from './lib/errors'
import { keys } from './lib/keys.svelte'
import { router } from './lib/router.svelte'
import { find } from './routes'
import './ui/theme.css'

async function start(): Promise<void> {
  router.start()
  net.listen()
  keys.listen()
  // Each step there and back costs a second on a slow line: texts, profile and the code of the page are asked for at once, in the order in
  // which they are waited for.
  const route = find(router.path)?.route
  const desk = route && !route.bare
  const asked = session.load()
  const texts = startTexts([...(desk ? (['desk'] as const) : []), ...(route?.texts ?? [])])
  if (desk) void import('./ui/AppBar.svelte').catch(() => undefined)
  void route?.load().catch(() => undefined)
  // Whoever is not signed in is told so by the profile.
  if (desk && route.roles) void catalogue.load().catch(() => undefined)
  const [, profile] = await Promise.allSettled([texts, asked])
  const target = document.getElementById('app')
  if (!target) return
  mount(App, { target, props: profile.status === 'rejected' ? { failure: asAppError(profile.reason) } : {} })
}

void start()
