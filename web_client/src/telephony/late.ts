/** Calling in by telephone stands beside the check, where the officer waits, and where a call could not be joined; fetched when shown. */
import { want } from '../i18n/index.svelte'

/** The call that confirms one's own number, begun from the interpreter's day. */
export const confirmNumber = () => Promise.all([import('./ConfirmNumber.svelte'), want('telephony')]).then(([module]) => module)
export const dialIn = () => Promise.all([import('./DialIn.svelte'), want('phone')]).then(([module]) => module)
