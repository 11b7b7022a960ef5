/** Leaves the phrasebook in this browser, so that it opens without a line after it was seen once. */

const worker = '/phrases-worker.js'
const scope = '/phrases'

export const possible = (): boolean => 'serviceWorker' in navigator && 'caches' in window

/** Everything that this page was made of, and the samples that it may play. */
function pieces(samples: readonly string[]): string[] {
  const loaded = performance
    .getEntriesByType('resource')
    .map((one) => new URL(one.name))
    .filter((one) => one.origin === location.origin && (one.pathname.startsWith('/assets/') || one.pathname === '/icon.svg'))
    .map((one) => one.pathname)
  return [...new Set([scope, ...loaded, ...samples.map((name) => `/voices/${name}.mp3`)])]
}

/** Keeps the page; true once it opens without a line. What was kept before stays when it cannot be kept anew. */
export async function keepHere(samples: readonly string[]): Promise<boolean> {
  if (!possible()) return false
  return (await kept(samples)) || (await isHere())
}

/** The page is kept last of all (`phrases-worker.js`), so where it is the rest is too. */
const isHere = async (): Promise<boolean> => (await caches.match(scope).catch(() => undefined)) !== undefined

async function kept(samples: readonly string[]): Promise<boolean> {
  try {
    const registration = await navigator.serviceWorker.register(worker, { scope })
    const active = await activeOf(registration)
    const channel = new MessageChannel()
    const answered = new Promise<boolean>((done) => {
      channel.port1.onmessage = (event) => done(event.data === 'kept')
      setTimeout(() => done(false), 60_000)
    })
    active.postMessage({ kind: 'keep', pieces: pieces(samples) }, [channel.port2])
    return await answered
  } catch {
    return false
  }
}

function activeOf(registration: ServiceWorkerRegistration): Promise<ServiceWorker> {
  if (registration.active) return Promise.resolve(registration.active)
  const coming = registration.installing ?? registration.waiting
  return new Promise((done, failed) => {
    if (!coming) return failed(new Error('no worker'))
    coming.addEventListener('statechange', () => {
      if (coming.state === 'activated') done(coming)
      if (coming.state === 'redundant') failed(new Error('worker gone'))
    })
  })
}
