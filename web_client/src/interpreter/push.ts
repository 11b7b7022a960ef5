/** Web Push of this browser: asks, subscribes, tells the server, and leaves the sentences of the notification for the worker. */
import { api } from '../api/client'
import { i18n, t } from '../i18n/index.svelte'

export type PushState = { public_key: string | null; devices: number }
export type PushMode = 'unsupported' | 'not_set_up' | 'blocked' | 'off' | 'on'

const WORKER = '/ring-worker.js'
const TEXTS = 'ring-texts'

export const supported = (): boolean => 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window

/** The application server's key as the browser wants it. */
export function keyBytes(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replace(/-/g, '+').replace(/_/g, '/') + '='.repeat((4 - (base64url.length % 4)) % 4))
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0))
}

/** Whether a subscription was made with this key; with another one the push service would refuse us. */
export function sameKey(subscription: Pick<PushSubscription, 'options'>, key: Uint8Array): boolean {
  const given = subscription.options.applicationServerKey
  if (!given) return false
  const bytes = new Uint8Array(given)
  return bytes.length === key.length && bytes.every((byte, at) => byte === key[at])
}

async function subscription(): Promise<PushSubscription | null> {
  const registration = await navigator.serviceWorker.getRegistration(WORKER)
  return (await registration?.pushManager.getSubscription()) ?? null
}

/** How things stand in this browser. */
export async function modeOf(state: PushState): Promise<PushMode> {
  if (!supported()) return 'unsupported'
  if (!state.public_key) return 'not_set_up'
  if (Notification.permission === 'denied') return 'blocked'
  const known = await subscription()
  return known && sameKey(known, keyBytes(state.public_key)) ? 'on' : 'off'
}

/** The worker has no catalogue: it shows the sentences that lie here, in the language in which the page was last used. */
export async function leaveTexts(): Promise<void> {
  const words = {
    ring: t('ring.note.ring'),
    call_in: t('ring.note.call_in'),
    body: t('ring.note.body'),
    lang: i18n.locale,
    dir: i18n.dir,
  }
  const cache = await caches.open(TEXTS)
  await cache.put('/ring-texts', new Response(JSON.stringify(words), { headers: { 'Content-Type': 'application/json' } }))
}

/** Asks the person, subscribes and tells the server. */
export async function enable(state: PushState): Promise<PushMode> {
  if (!state.public_key) return 'not_set_up'
  if ((await Notification.requestPermission()) !== 'granted') return modeOf(state)
  const key = keyBytes(state.public_key)
  await navigator.serviceWorker.register(WORKER)
  const registration = await navigator.serviceWorker.ready
  const old = await registration.pushManager.getSubscription()
  if (old && !sameKey(old, key)) await old.unsubscribe()
  const made = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
  await leaveTexts()
  await tell(made)
  return 'on'
}

/** The server forgets this browser, then the browser forgets the server. */
export async function disable(): Promise<PushMode> {
  const known = await subscription()
  if (known) {
    await api.post('/api/push/forget', { endpoint: known.endpoint })
    await known.unsubscribe()
  }
  return 'off'
}

/** Before a sign-out: who has left this browser is not rung here, and nobody else sees their rings. */
export async function forget(): Promise<void> {
  if (!supported()) return
  const known = await subscription()
  if (!known) return
  const registration = await navigator.serviceWorker.getRegistration(WORKER)
  for (const one of (await registration?.getNotifications()) ?? []) one.close()
  await Promise.allSettled([api.post('/api/push/forget', { endpoint: known.endpoint }), known.unsubscribe()])
}

/** On every visit: the server may have lost the browser, and the language may be another one. */
export async function keep(): Promise<void> {
  const known = await subscription()
  if (!known) return
  await leaveTexts()
  await tell(known)
}

async function tell(known: PushSubscription): Promise<void> {
  const { endpoint, keys } = known.toJSON()
  await api.post('/api/push/subscriptions', { endpoint, keys: { p256dh: keys?.p256dh, auth: keys?.auth } })
}
