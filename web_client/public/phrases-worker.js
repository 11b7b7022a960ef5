// Answers for the phrasebook when there is no line: the page, its code and its samples, as they were when it was last seen with one.
// It keeps nothing of any case: calls of the interface (/api) are never stored and never answered here.
const STORE = 'phrases-1'
const PAGE = '/phrases'

async function keep(pieces) {
  const store = await caches.open(STORE)
  const missing = []
  for (const piece of pieces) {
    // Names of assets change with their content; the page itself is fetched anew each time.
    if (piece.startsWith('/assets/') && (await store.match(piece))) continue
    missing.push(piece)
  }
  const put = async (piece) => {
    const answer = await fetch(piece, { credentials: 'same-origin' })
    if (!answer.ok) throw new Error(piece)
    await store.put(piece, answer)
  }
  const parts = missing.filter((piece) => piece !== PAGE)
  for (let at = 0; at < parts.length; at += 6) await Promise.all(parts.slice(at, at + 6).map(put))
  // Last: a page that is kept has everything that it is made of.
  if (missing.includes(PAGE)) await put(PAGE)
  const wanted = new Set(pieces)
  for (const request of await store.keys()) {
    if (!wanted.has(new URL(request.url).pathname)) await store.delete(request)
  }
}

async function page(request) {
  const known = await (await caches.open(STORE)).match(PAGE)
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(5000) })
    // A gateway answers for a server that is down; the kept page helps, its error does not.
    return answer.status >= 500 && known ? known : answer
  } catch (lost) {
    if (known) return known
    throw lost
  }
}

async function piece(request, path) {
  const known = await (await caches.open(STORE)).match(path)
  return known || fetch(request)
}

self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))
self.addEventListener('message', (event) => {
  if (!event.data || event.data.kind !== 'keep' || !Array.isArray(event.data.pieces)) return
  const pieces = event.data.pieces.filter((one) => typeof one === 'string' && /^\/(phrases$|assets\/|voices\/|icon\.svg$)/.test(one))
  event.waitUntil(
    keep(pieces).then(
      () => event.ports[0].postMessage('kept'),
      () => event.ports[0].postMessage('failed'),
    ),
  )
})
self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url)
  if (event.request.method !== 'GET' || url.origin !== self.location.origin) return
  if (event.request.mode === 'navigate') {
    if (url.pathname === PAGE) event.respondWith(page(event.request))
  } else if (/^\/(assets|voices)\/|^\/icon\.svg$/.test(url.pathname)) {
    event.respondWith(piece(event.request, url.pathname))
  }
})
