/**
 * What one person's work leaves in this browser, and how nothing of it stays for the next: codes of cases that wait to be told, a finding on
 * its way into a case, the bell of an interpreter. Choices of the device (language, colours, keys, microphone) are nobody's case and stay.
 */
import { net } from '../api/net.svelte'
import { drop as dropAids, pending, tell } from '../desk/aids'
import { drop as dropFinding } from '../desk/carry'
import { forget as forgetBell } from '../interpreter/push'
import { owner } from './owner'

/** How long a sign-out waits for what can still be told (ms). */
const patience = 5000

/** Nothing of anybody stays here. */
export function wipe(): void {
  dropAids()
  dropFinding()
  owner.clear()
}

/** Somebody is known to be signed in: what somebody else left is dropped before anything of it can be shown or sent. */
export function taken(code: string): void {
  if (owner.code !== code) wipe()
  owner.set(code)
}

/** Before a sign-out: what belongs into a record goes there, and this browser rings for nobody any more. */
export async function tidy(): Promise<void> {
  const time = new Promise((done) => setTimeout(done, patience))
  const told = pending() && net.online ? tell() : undefined
  await Promise.race([time, Promise.allSettled([told, forgetBell()])])
}

/**
 * Somebody left or came in another tab of this browser, or this page comes back out of the browser's memory: what it shows is theirs no
 * more. A call goes on until its own sign-in ends.
 */
export function watch(code: string): () => void {
  const look = () => {
    if (owner.code !== code && !location.pathname.startsWith('/calls/')) location.replace('/')
  }
  const stored = (event: StorageEvent) => {
    if (event.key === null || event.key === owner.place) look()
  }
  const back = (event: PageTransitionEvent) => {
    if (event.persisted) look()
  }
  addEventListener('storage', stored)
  addEventListener('pageshow', back)
  return () => {
    removeEventListener('storage', stored)
    removeEventListener('pageshow', back)
  }
}
