// Wakes when there is a call and no page is open, shows that there is one, and opens the page. It stores and fetches nothing else:
// the message holds no fact about case or person, and the two sentences were left here by the page, in the reader's language.
const TEXTS = 'ring-texts'
const KNOWN = ['ring', 'call_in']

async function texts() {
  const cache = await caches.open(TEXTS)
  const found = await cache.match('/ring-texts')
  return found ? found.json() : {}
}

async function show(message) {
  const words = await texts()
  await self.registration.showNotification(words[message.kind] || 'Tarjuman', {
    body: words.body || '',
    lang: words.lang || 'en',
    dir: words.dir || 'auto',
    icon: '/icon.svg',
    // One reference is shown once, however often it arrives.
    tag: message.ref,
    requireInteraction: true,
    vibrate: [400, 200, 400, 200, 400],
    data: { ref: message.ref },
  })
}

async function open() {
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const page = pages.find((one) => new URL(one.url).pathname === '/today') || pages[0]
  if (!page) return self.clients.openWindow('/today')
  await page.focus()
  page.postMessage({ kind: 'open-ring' })
}

self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))
self.addEventListener('push', (event) => {
  let message = {}
  try {
    message = event.data ? event.data.json() : {}
  } catch {
    message = {}
  }
  if (message.v !== 1 || !KNOWN.includes(message.kind) || typeof message.ref !== 'string') message = { kind: 'ring', ref: 'unknown' }
  event.waitUntil(show(message))
})
self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(open())
})
