/** Start: texts and profile first, then the page. */
import { mount } from 'svelte'
import App from './App.svelte'
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
  // Each step there and back costs a second on a slow line: the code of the page comes along with texts and profile.
  const route = find(router.path)?.route
  void route?.load().catch(() => undefined)
  if (route && !route.bare) void import('./ui/AppBar.svelte').catch(() => undefined)
  net.listen()
  keys.listen()
  const [, profile] = await Promise.allSettled([startTexts(), session.load()])
  const target = document.getElementById('app')
  if (!target) return
  mount(App, { target, props: profile.status === 'rejected' ? { failure: asAppError(profile.reason) } : {} })
}

void start()
