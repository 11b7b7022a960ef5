/**
 * One call from joining to its end: socket, room, sound and pictures put together into one state that pages draw and a few verbs that
 * they call. Plain TypeScript; nothing in here draws or speaks.
 */
import { AppError, asAppError } from '../lib/errors'
import type { ClientMessage, Outcome, RecuseReason, Signal, SignalKind } from '../realtime/protocol'
import type { RealtimeClient } from '../realtime/RealtimeClient'
import { applied, fromSnapshot, me, type RoomState, whyOut } from '../realtime/roomState'
import { own, tab } from '../realtime/tab'
import { Turns } from '../realtime/turns'
import { AudioOut } from './AudioOut'
import { type CallEnd, type CallState, joining } from './callState'
import type { Entry, Join } from './join'
import { LineWatch } from './LineWatch'
import { type Choice, LocalMedia } from './LocalMedia'
import type { RemoteTrack } from './PeerLink'
import { type LineReport, PeerTransport } from './PeerTransport'
import { PictureRule } from './pictureRule'
import { ScreenLock } from './ScreenLock'
import { stillShown, ticks, withConcern } from './signals'
import { lineBack, lineLost, tick } from './sounds'
import { surroundings } from './surroundings'

export class CallController {
  state: CallState
  readonly turns = new Turns()
  readonly sound: AudioOut
  readonly local: LocalMedia
  #entry: Entry
  #listeners = new Set<(state: CallState) => void>()
  #client: RealtimeClient | undefined
  #transport: PeerTransport | undefined
  #rule = new PictureRule()
  #unfollow: (() => void) | undefined
  #unlisten: (() => void) | undefined
  #watch = () =>
    new LineWatch((to) => {
      if (this.sound.desk) (to === 'lost' ? lineLost : lineBack)(this.sound.desk)
    })
  #line = this.#watch()
  #screen = new ScreenLock()
  #prune: ReturnType<typeof setInterval> | undefined
  #flags = ''
  #withdrawing = false

  constructor(entry: Entry, wish: { camera: boolean; muted?: boolean }) {
    this.#entry = entry
    this.sound = new AudioOut(() => this.#set({ blocked: this.sound.blocked }))
    this.local = new LocalMedia(() => this.#localChanged())
    this.local.muted = wish.muted ?? false
    const { muted, choice } = this.local
    this.state = joining({ muted, camera: wish.camera, choice, line: this.#line.state })
  }

  subscribe(listener: (state: CallState) => void): () => void {
    this.#listeners.add(listener)
    listener(this.state)
    return () => this.#listeners.delete(listener)
  }

  /** Milliseconds by the server's clock. */
  now(): number {
    return this.#client?.now() ?? Date.now()
  }

  /** Joins. Call it as soon after the person's tap as possible: the tap is what lets the browser play sound. */
  async start(): Promise<void> {
    void this.sound.unlock()
    const camera = this.local.open(this.state.camera)
    try {
      const join = await this.#entry.first()
      if (this.state.stage !== 'joining') return
      this.#set({ join })
      await Promise.race([camera, new Promise((done) => setTimeout(done, 2500))])
      if (this.state.stage === 'joining') this.#connect(join)
    } catch (thrown) {
      this.#fail(asAppError(thrown))
    }
  }

  // ---- what people do ----

  setMuted(muted: boolean): void {
    this.local.setMuted(muted)
    this.#set({ muted })
    this.#sendFlags()
  }

  async setCamera(on: boolean): Promise<void> {
    this.#set({ camera: on })
    await this.local.setCamera(on)
    this.#sendFlags()
  }

  setSoundOnly(on: boolean): void {
    this.#set({ soundOnly: on })
    this.#sendFlags()
  }

  async choose(choice: Choice): Promise<void> {
    await this.local.choose(choice)
    this.#set({ choice: this.local.choice })
  }

  /** From a tap: lets the browser play. */
  hear = (): Promise<void> => this.sound.unlock()

  tryAgain(): void {
    this.#client?.poke()
    this.#transport?.restart()
  }

  signal(kind: SignalKind): Promise<unknown> {
    return this.#send({ t: 'room.signal', kind })
  }

  gotIt(signalId: string): Promise<unknown> {
    if (this.state.concerns.some((one) => one.signal_id === signalId)) {
      this.#set({ concerns: this.state.concerns.filter((one) => one.signal_id !== signalId) })
      return Promise.resolve()
    }
    return this.#send({ t: 'room.got_it', signal_id: signalId })
  }

  pause = (): Promise<unknown> => this.#send({ t: 'room.pause', reason: 'break' })

  resume = (): Promise<unknown> => this.#send({ t: 'room.resume' })

  confirmLanguage(code: string): Promise<unknown> {
    return this.#send({ t: 'room.language', code })
  }

  /** What the parts of the page that come later say to the room. */
  tell(message: ClientMessage): Promise<unknown> {
    return this.#send(message)
  }

  /** The interpreter steps back for good. */
  async withdraw(reason: RecuseReason): Promise<void> {
    this.#withdrawing = true
    await this.#send({ t: 'room.recuse', reason }).finally(() => (this.#withdrawing = false))
    this.#over('withdrawn')
  }

  /** Leaves; the session goes on. */
  async leave(): Promise<void> {
    await Promise.race([this.#send({ t: 'room.leave' }).catch(() => {}), new Promise((done) => setTimeout(done, 1500))])
    this.#entry.forget?.()
    this.#over('left')
  }

  /** Ends the session for everybody. */
  async end(outcome: Outcome, reason?: string): Promise<void> {
    await this.#send({ t: 'room.end', outcome, ...(reason ? { reason } : {}) })
    this.#over('ended')
  }

  /** Frees devices and connections; the state stays readable. */
  close(): void {
    if (this.state.stage === 'joining' || this.state.stage === 'in') this.#over('left')
  }

  // ---- putting it together ----

  #connect(join: Join): void {
    let grant: string | undefined = join.grant
    const client = tab.enter(
      async () => {
        const mine = grant ?? (await this.#entry.again()).grant
        grant = undefined
        return { grant: mine }
      },
      { place: this.#entry.place, ...(this.#entry.keepPlace ? { keepPlace: this.#entry.keepPlace } : {}) },
    )
    this.#client = client
    const topic = join.room
    client.on('snapshot', (about, room) => {
      if (about !== topic) return
      if (room) this.#room(fromSnapshot(room, new Date(client.now()).toISOString()))
      this.turns.stop(client.now())
    })
    client.on('event', (frame) => {
      if (frame.topic !== topic || !this.state.room) return
      if (frame.name === 'speaking') this.#spoke(frame.data as { id: string; on: boolean }, Date.parse(frame.at))
      if (frame.name === 'signal.raised') this.#tick(frame.data as Signal)
      const data = frame.name === 'signal.raised' ? { at: frame.at, ...(frame.data as object) } : frame.data
      this.#room(applied(this.state.room, { name: frame.name, data }))
    })
    client.on('mediaOffer', (offer) => this.#transport?.take(offer))
    client.on('welcome', () => {
      if (this.state.stage === 'joining') this.#set({ stage: 'in' })
      if (this.#transport) this.#transport.socketBack()
      else if (!this.#byPhone()) this.#media(join)
      this.#flags = ''
      this.#sendFlags()
    })
    client.on('state', (state, reason) => {
      this.#set({ socket: state })
      if (state !== 'open') {
        this.turns.stop(client.now())
        this.#transport?.socketGone()
      }
      if (state !== 'ended' || reason === 'closed') return
      if (reason === 'replaced' || reason === 'signed_out' || reason === 'over') this.#over(reason === 'over' ? 'ended' : reason)
      else this.#fail(new AppError('session_over', 409))
    })
    this.#unfollow = tab.follow(own, {
      stale: () => {},
      event: (frame) => {
        if (frame.name === 'signal.raised') this.#concern(frame.data as Signal & { session_id?: string }, frame.at)
      },
    })
    this.#unlisten = surroundings({ visible: () => this.#visible(), network: () => this.#network() })
    this.#prune = setInterval(() => {
      this.#forgetSignals()
      if (this.#flags === '') this.#sendFlags() // what the server did not take a moment ago
    }, 1000)
    void this.#screen.hold()
    client.start()
  }

  #media(join: Join): void {
    const transport = new PeerTransport({
      iceServers: join.ice_servers,
      send: async (message) => {
        const answer = await this.#send(message)
        // A node that was started anew, or another one, does not know what is muted and which pictures are wanted.
        if (message.t === 'media.start') this.#flags = ''
        return answer
      },
      own: () => ({ audio: this.local.audio, video: this.#sendsPicture() ? this.local.video : null }),
      want: () => ({ send_audio: true, send_video: true, receive_audio: true, receive_video: true }),
      expected: () => this.#expected(),
      heardWell: () => this.state.room !== undefined && me(this.state.room)?.grade === 'good',
      badElsewhere: () => this.state.room?.participants.some((one) => one.grade === 'weak') ?? false,
      onRemote: (remote) => this.#remote(remote),
      onPhase: (phase) => this.#set({ line: this.#line.take({ phase }) }),
      onReport: (report) => this.#report(report),
    })
    this.#transport = transport
    transport.start()
  }

  /** This person talks by telephone: the page waits without sound, or they would hear themselves. */
  #byPhone(): boolean {
    return this.state.room !== undefined && me(this.state.room)?.phone === true
  }

  /** The telephone takes over from this page, or gives back to it. */
  #follow(join: Join): void {
    const byPhone = this.#byPhone()
    if (byPhone && this.#transport) {
      this.#transport.close()
      this.#transport = undefined
      this.#line = this.#watch()
      this.#remote([])
      this.#set({ line: this.#line.state, held: 'none' })
    } else if (!byPhone && !this.#transport && this.#client?.state === 'open' && this.state.stage === 'in') this.#media(join)
  }

  #expected(): string[] {
    const { room } = this.state
    const here = room?.participants.filter((p) => p.id !== room.you && p.state === 'present' && p.audio && p.has_audio)
    return here?.map((p) => p.id) ?? []
  }

  #sendsPicture(): boolean {
    return this.state.camera && this.state.held === 'none' && !this.#everybodySound()
  }

  /** Sound only was chosen for everybody. */
  #everybodySound(): boolean {
    return this.state.room?.fallback?.sound_only === true
  }

  #room(room: RoomState): void {
    if (this.state.stage === 'over') return
    const before = this.#everybodySound()
    this.#set({ room })
    if (this.state.join) this.#follow(this.state.join)
    if (before !== this.#everybodySound()) this.#sendFlags()
    const out = whyOut(room)
    // Whoever steps back hears of it by the room before the answer to what they pressed.
    if (out === 'withdrawn' && !this.#withdrawing) this.#fail(new AppError('session_unknown', 404))
    else if (out) this.#over(out)
  }

  #remote(remote: RemoteTrack[]): void {
    this.#set({ remote })
    this.sound.set(remote.filter((one) => one.kind === 'audio'))
  }

  #report(report: LineReport): void {
    const { grade, rtt, bytes } = report
    this.#set({ line: this.#line.take({ grade, rtt, bytes }) })
    const held = this.#rule.take(grade, performance.now())
    if (held === this.state.held) return
    this.#set({ held })
    void this.#transport?.refreshOwn()
    this.#sendFlags()
  }

  #localChanged(): void {
    const { audioFault, videoFault, silent, devices, choice, video } = this.local
    // What was chosen before, as soon as it is known to be there; without it, and when it is unplugged, what the machine has.
    void this.sound.choose(devices.speakers.find((one) => one.deviceId === choice.speaker)?.deviceId)
    this.#set({ audioFault, videoFault, silentMic: silent, devices, choice, ownPicture: video })
    void this.#transport?.refreshOwn()
  }

  /** Tells the server what is muted and which pictures are wanted; only when that changed. */
  #sendFlags(): void {
    void this.#transport?.refreshOwn()
    const flags = {
      audio: !this.state.muted,
      video: this.#sendsPicture(),
      receive_video: !this.state.soundOnly && this.state.held !== 'all',
      ...this.#why(),
    }
    const text = JSON.stringify(flags)
    if (text === this.#flags || this.#client?.state !== 'open') return
    this.#flags = text
    this.#send({ t: 'media.set', ...flags }).catch(() => {
      this.#flags = ''
    })
  }

  /** Why no picture is sent, for the log. */
  #why(): { why?: 'camera_off' | 'weak_line' | 'sound_only' } {
    if (this.#sendsPicture()) return {}
    return { why: this.#everybodySound() ? 'sound_only' : this.state.camera ? 'weak_line' : 'camera_off' }
  }

  #send(message: ClientMessage): Promise<unknown> {
    return this.#client ? this.#client.send(message) : Promise.reject(new AppError('closed'))
  }

  #spoke(data: { id: string; on: boolean }, at: number): void {
    const part = this.state.room?.participants.find((one) => one.id === data.id)?.part
    if (part) this.turns.note(data.id, part, data.on, at)
  }

  /** One wooden tick for what cannot wait. */
  #tick(signal: Signal): void {
    if (this.state.room && ticks(signal, this.state.room) && this.sound.desk) tick(this.sound.desk)
  }

  #concern(data: Signal & { session_id?: string }, at: string): void {
    const concerns = withConcern(this.state.concerns, data, this.state.join?.session_id, at)
    if (concerns !== this.state.concerns) this.#set({ concerns })
  }

  #forgetSignals(): void {
    const { room } = this.state
    if (!room?.signals.length) return
    const signals = stillShown(room.signals, this.now())
    if (signals.length < room.signals.length) this.#set({ room: { ...room, signals } })
  }

  #visible(): void {
    void this.local.revive()
    void this.sound.revive()
    void this.#screen.hold()
  }

  #network(): void {
    this.#client?.poke()
    if (this.state.line.phase === 'connected') this.#transport?.socketGone()
    else this.#transport?.restart()
  }

  #over(ended: CallEnd): void {
    if (this.state.stage === 'over') return
    this.#set({ stage: 'over', ended })
    this.#release()
  }

  #fail(error: AppError): void {
    if (this.state.stage === 'over') return
    this.#set({ stage: 'failed', error })
    this.#release()
  }

  #release(): void {
    this.#unlisten?.()
    clearInterval(this.#prune)
    this.#unfollow?.()
    this.#transport?.close()
    this.local.close()
    this.sound.close()
    if (this.#client) tab.leave(this.#client)
    this.#screen.close()
    this.#set({ remote: [], ownPicture: null })
  }

  #set(change: Partial<CallState>): void {
    this.state = { ...this.state, ...change }
    for (const listener of this.#listeners) listener(this.state)
  }
}
