/** The step-down ladder comes after the first sound, with its texts: banners for officer and interpreter, one question for the person. */
import { want } from '../i18n/index.svelte'

export const callLadder = () => Promise.all([import('./LadderBanners.svelte'), want('fallback')]).then(([module]) => module)
export const tabletLadder = () => Promise.all([import('./PersonAsked.svelte'), want('fallback')]).then(([module]) => module)
