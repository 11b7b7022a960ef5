/** A new stage of the call (check, waiting, room, end): keys and screen readers go on at its heading, which is thereby said once. */
import { live } from '../ui/live.svelte'

let newest = 0

/** The stage's heading as soon as it is drawn; stages are fetched as they come. */
async function heading(): Promise<HTMLElement | undefined> {
  const mine = ++newest
  for (let wait = 0; wait < 100; wait += 1) {
    await new Promise((done) => setTimeout(done, 50))
    if (mine !== newest) return undefined
    const found = document.querySelector<HTMLElement>('h1')
    if (found) return found
  }
  return undefined
}

/** Takes the focus only where nothing has it: what somebody is typing in is not left, the heading is then said instead. */
export async function arrived(): Promise<void> {
  const found = await heading()
  if (!found) return
  const at = document.activeElement
  if (at === found) return
  if (at && at !== document.body && at.id !== 'main') live.say(found.textContent?.trim() ?? '')
  else {
    found.tabIndex = -1
    found.focus({ preventScroll: true })
  }
}
