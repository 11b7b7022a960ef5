/** The picture of each signal. */
import type { IconName } from '../ui/icons'

const signalIcons: Readonly<Record<string, IconName>> = {
  pause: 'hand',
  repeat: 'repeat',
  slower: 'slow',
  shorter: 'short',
  cannot_hear: 'ear-off',
  break: 'cup',
  correct: 'flag',
  concern: 'concern',
}
export const signalIcon = (kind: string): IconName => signalIcons[kind] ?? 'hand'
