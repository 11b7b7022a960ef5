/** What a call looks like from outside: the one state that pages draw, and how it begins. Shapes only; `CallController` moves it. */
import type { AppError } from '../lib/errors'
import type { Signal } from '../realtime/protocol'
import type { LinkState } from '../realtime/RealtimeClient'
import type { RoomState } from '../realtime/roomState'
import type { Join } from './join'
import type { LineState } from './LineWatch'
import type { Choice, Devices, MediaFault } from './LocalMedia'
import type { RemoteTrack } from './PeerLink'
import type { PictureHold } from './pictureRule'

export type CallEnd = 'left' | 'ended' | 'replaced' | 'signed_out' | 'withdrawn'
export type CallState = {
  stage: 'joining' | 'in' | 'over' | 'failed'
  error: AppError | undefined
  ended: CallEnd | undefined
  join: Join | undefined
  room: RoomState | undefined
  socket: LinkState
  line: LineState
  remote: RemoteTrack[]
  muted: boolean
  /** What the person wishes for the own camera; `held` may keep it off all the same. */
  camera: boolean
  held: PictureHold
  /** Pictures of the others are switched off by hand. */
  soundOnly: boolean
  ownPicture: MediaStreamTrack | null
  audioFault: MediaFault | undefined
  videoFault: MediaFault | undefined
  silentMic: boolean
  /** The browser waits for a tap before it plays sound. */
  blocked: boolean
  devices: Devices
  choice: Choice
  /** Sent to the officer alone. */
  concerns: Signal[]
}

const nothing: Devices = { microphones: [], cameras: [], speakers: [] }

/** A call that nobody has joined yet. */
export const joining = (wish: { muted: boolean; camera: boolean; choice: Choice; line: LineState }): CallState => ({
  stage: 'joining',
  error: undefined,
  ended: undefined,
  join: undefined,
  room: undefined,
  socket: 'idle',
  remote: [],
  held: 'none',
  soundOnly: false,
  ownPicture: null,
  audioFault: undefined,
  videoFault: undefined,
  silentMic: false,
  blocked: false,
  devices: nothing,
  concerns: [],
  ...wish,
})
