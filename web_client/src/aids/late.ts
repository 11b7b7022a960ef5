/** The aids come after the first sound, each with its texts: officer and interpreter get the panel, the person a pad of digits. */
import { want } from '../i18n/index.svelte'

export const callAids = () => Promise.all([import('./inCall'), want('aids')]).then(([module]) => module)
export const tabletAids = () => Promise.all([import('./onTablet'), want('aids')]).then(([module]) => module)
