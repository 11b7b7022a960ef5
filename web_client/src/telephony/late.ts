/** Calling in by telephone stands beside the check and where a call could not be joined; it is fetched when one of them is shown. */
import { want } from '../i18n/index.svelte'

export const dialIn = () => Promise.all([import('./DialIn.svelte'), want('phone')]).then(([module]) => module)
