/**
 * A sign-in that ended while somebody works: the same person signs in again over the page, and the page goes on where it was. Whoever
 * else signs in gets a new document: what was shown and written stays in the memory of this page only, and goes with it.
 */
import { mount, unmount } from 'svelte'
import { request } from '../api/client'
import type { Me } from '../api/types'
import { want } from '../i18n/index.svelte'
import { AppError } from '../lib/errors'
import SignInAgain from './SignInAgain.svelte'
import { session } from './session.svelte'

/** Who is signed in now, perhaps from another tab of this browser. Throws when the server cannot be asked. */
async function present(): Promise<Me | undefined> {
  try {
    return await request<Me>('GET', '/api/me', { once: true })
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.status === 401) return undefined
    throw thrown
  }
}

/** True for the same person; a page of somebody else is left for good, and nothing that waited for it goes on. */
function go(me: Me): Promise<boolean> | boolean {
  if (me.code !== session.me?.code) {
    location.replace('/')
    return new Promise(() => {})
  }
  session.take(me)
  return true
}

/** Resolves once the same person is signed in again. Throws when that cannot be asked now (no line). */
export async function again(): Promise<boolean> {
  const found = await present()
  if (found) return go(found)
  await want('again')
  const me = await new Promise<Me>((resolve) => {
    const dialog = mount(SignInAgain, { target: document.body, props: { present, done } })
    function done(who: Me) {
      void unmount(dialog)
      resolve(who)
    }
  })
  return go(me)
}
