/** The aids of the person's tablet, one chunk. */
import ShownNumber from './ShownNumber.svelte'
import TabletPad from './TabletPad.svelte'

export default { Pad: TabletPad, Shown: ShownNumber }
