/** The aids of the call page, one chunk. */
import AidsPanel from './AidsPanel.svelte'
import Opener from './Opener.svelte'
import ShownNumber from './ShownNumber.svelte'

export default { Panel: AidsPanel, Opener, Shown: ShownNumber }
