/** What happens around a page that a call must hear of: it is seen again, the network is there again or is another one. */
type Heard = { visible: () => void; network: () => void }

/** Listens until the returned function is called. */
export function surroundings({ visible, network }: Heard): () => void {
  const seen = () => {
    if (document.visibilityState === 'visible') visible()
  }
  // Tells when a tablet goes from one network to another, where the browser can.
  const connection = (navigator as Navigator & { connection?: EventTarget }).connection
  document.addEventListener('visibilitychange', seen)
  addEventListener('online', network)
  connection?.addEventListener?.('change', network)
  return () => {
    document.removeEventListener('visibilitychange', seen)
    removeEventListener('online', network)
    connection?.removeEventListener?.('change', network)
  }
}
