/** Draft transcripts come long after the first sound, each screen with the texts. */
import { want } from '../i18n/index.svelte'

export const callSpeech = () => Promise.all([import('./DraftPanel.svelte'), want('speech')]).then(([module]) => module)
export const tabletSpeech = () => Promise.all([import('./TabletAsk.svelte'), want('speech')]).then(([module]) => module)
export const recordSpeech = () => Promise.all([import('./TranscriptCard.svelte'), want('speech')]).then(([module]) => module)
