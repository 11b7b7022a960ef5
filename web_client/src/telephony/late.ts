/** Calling in by telephone stands beside the check, where the officer waits, and where a call could not be joined; fetched when shown. */
import { want } from '../i18n/index.svelte'

export const dialIn = () => Promise.all([import('./DialIn.svelte'), want('phone')]).then(([module]) => module)
