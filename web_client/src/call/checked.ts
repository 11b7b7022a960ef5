/** Whether the devices of this machine were checked within a day. */
const key = 'tarjuman.checked'
const day = 24 * 3600 * 1000

export function checkedAt(): Date | undefined {
  try {
    const at = Number(localStorage.getItem(key))
    return at > 0 && Date.now() - at < day ? new Date(at) : undefined
  } catch {
    return undefined
  }
}

export function noteChecked(): void {
  try {
    localStorage.setItem(key, String(Date.now()))
  } catch {
    // Without storage the check is asked for again next time.
  }
}
