/**
 * One socket to the server that comes back by itself: hello, resume, and the numbered topics, the outbox and the pulse of the line put
 * together. It knows no rooms and no offers; those listen to `event`, `snapshot` and `mediaOffer`.
 */
import { AppError } from '../lib/errors'
import { Backoff } from './Backoff'
import { Outbox } from './Outbox'
import { Pulse } from './Pulse'
import type { ClientMessage, EventFrame, MediaOffer, Position, RoomSnapshot, ServerFrame, Welcome } from './protocol'
import { closed } from './protocol'
import { Topics } from './Topics'

export type SocketLike = Pick<WebSocket, 'send' | 'close' | 'onopen' | 'onmessage' | 'onclose' | 'onerror'>
export type Credentials = { ticket?: string; grant?: string }
/** `connecting` covers every try; `ended` is final: nobody is signed in, another tab took over, or the server refuses. */
export type LinkState = 'idle' | 'connecting' | 'open' | 'ended'
/** `over`: the session that the place was in has ended. */
type EndReason = 'signed_out' | 'replaced' | 'refused' | 'over' | 'closed'

export type RealtimeOptions = {
  /** A fresh ticket or grant; called whenever the place cannot be resumed. An `AppError` with status 401 or 403 ends the client. */
  credentials: () => Promise<Credentials>
  locale: () => string
  url?: string
  open?: (url: string) => SocketLike
  random?: () => number
  /** A place kept from before (a page that was loaded again), and where to keep the present one. */
  place?: Place | undefined
  keepPlace?: (place: Place) => void
}

/** Our place at the server: with it a cut connection comes back. */
export type Place = { connection: string; secret: string }

type Events = {
  state: (state: LinkState, reason: EndReason | undefined) => void
  event: (frame: EventFrame) => void
  /** The state of `topic` has to be taken anew; `room` holds it for a room, other topics are read over HTTP. */
  snapshot: (topic: string, room: RoomSnapshot | undefined) => void
  mediaOffer: (offer: MediaOffer) => void
  /** The socket is there (again); `resumed` tells whether the server kept our place. */
  welcome: (welcome: Welcome, resumed: boolean) => void
}

const helloLimit = 8000
const probeLimit = 2500
const over = 'session_over'

export class RealtimeClient {
  state: LinkState = 'idle'
  endReason: EndReason | undefined
  #options: RealtimeOptions
  #socket: SocketLike | undefined
  #listeners: { [K in keyof Events]: Set<Events[K]> } = {
    state: new Set(),
    event: new Set(),
    snapshot: new Set(),
    mediaOffer: new Set(),
    welcome: new Set(),
  }
  #topics = new Topics(
    (frame) => {
      for (const listener of this.#listeners.event) listener(frame)
    },
    (topic) => this.#resync(topic),
  )
  #outbox = new Outbox()
  #pulse = new Pulse(
    () => this.#sendPing(),
    () => this.#dead(),
  )
  #backoff: Backoff
  #place: Place | undefined
  #welcomedAt = 0
  #next = 0
  #prefix: string
  #timers: {
    retry?: ReturnType<typeof setTimeout>
    limit?: ReturnType<typeof setTimeout>
  } = {}

  constructor(options: RealtimeOptions) {
    this.#options = options
    this.#place = options.place
    const random = options.random ?? Math.random
    this.#backoff = new Backoff(random)
    this.#prefix = Math.floor(random() * 0xffffff).toString(36)
  }

  on<K extends keyof Events>(name: K, listener: Events[K]): () => void {
    this.#listeners[name].add(listener)
    return () => this.#listeners[name].delete(listener)
  }

  /** Milliseconds since the epoch by the server's clock. */
  now(): number {
    return this.#pulse.now()
  }

  start(): void {
    if (this.state !== 'idle') return
    this.#set('connecting')
    void this.#connect()
  }

  /** Ends for good; nothing comes back by itself afterwards. */
  stop(): void {
    this.#end('closed')
  }

  /** Something changed (the network, the tab became visible): find out now whether the line is alive. */
  poke(): void {
    if (this.state === 'open') this.#pulse.probe(probeLimit)
    else if (this.state === 'connecting' && this.#timers.retry !== undefined) {
      clearTimeout(this.#timers.retry)
      delete this.#timers.retry
      void this.#connect()
    }
  }

  /** Follows a topic for as long as this client lives. Its first state comes as `snapshot`. */
  follow(topic: string): void {
    this.#topics.wanted.add(topic)
    this.#topics.log(topic)
    if (this.state === 'open') this.#sendFollow(topic)
  }

  unfollow(topic: string): void {
    if (!this.#topics.wanted.delete(topic)) return
    this.#topics.forget(topic)
    if (this.state === 'open') void this.#ask({ t: 'unfollow', topic }).catch(() => {})
  }

  /**
   * Sends and waits for the server's answer. A message that was not answered when the line broke is sent again with the same id, so
   * that the server acts once. Rejects with `AppError`: the server's code, `timeout`, `line_lost` (media messages only), `closed`.
   */
  send(message: ClientMessage): Promise<unknown> {
    if (this.state === 'ended') return Promise.reject(new AppError('closed'))
    if (message.t.startsWith('media.') && this.state !== 'open') return Promise.reject(new AppError('line_lost'))
    return this.#ask(message)
  }

  // ---- connecting ----

  async #connect(): Promise<void> {
    const place = this.#place
    let credentials: Credentials = {}
    if (!place) {
      try {
        credentials = await this.#options.credentials()
      } catch (thrown) {
        const status = thrown instanceof AppError ? thrown.status : 0
        if (status === 409 && (thrown as AppError).code === over) this.#end('over')
        else if (status === 401) this.#end('signed_out')
        else if (status === 403 || status === 404 || status === 409 || status === 410) this.#end('refused')
        else this.#again()
        return
      }
    }
    if (this.state !== 'connecting') return
    const url = this.#options.url ?? `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/socket`
    const socket = this.#options.open ? this.#options.open(url) : new WebSocket(url, 'tarjuman.v1')
    this.#socket = socket
    const hello = this.#id()
    let welcomed = false
    this.#timers.limit = setTimeout(() => this.#lost(socket), helloLimit)
    socket.onopen = () => {
      this.#write({
        t: 'hello',
        id: hello,
        v: 1,
        ...credentials,
        ...(place ? { resume: { connection: place.connection, secret: place.secret } } : {}),
        after: this.#topics.positions(),
        locale: this.#options.locale(),
      })
    }
    socket.onmessage = (message) => {
      if (socket !== this.#socket) return
      this.#pulse.heard()
      const frame = parse(message.data)
      if (!frame) return
      if (frame.t === 'welcome') {
        welcomed = true
        this.#welcome(frame, place !== undefined && frame.connection === place.connection)
      } else if (frame.t === 'reply' && frame.re === hello && !frame.ok) {
        if (place) this.#place = undefined
        this.#lost(socket)
      } else this.#read(frame)
    }
    socket.onclose = (event) => {
      if (socket !== this.#socket) return
      this.#closed(event, place !== undefined && !welcomed)
    }
    socket.onerror = () => {}
  }

  #welcome(frame: Welcome, resumed: boolean): void {
    clearTimeout(this.#timers.limit)
    // Only a place in a room has a secret; everybody else comes back with a fresh ticket and the positions.
    this.#place = frame.secret ? { connection: frame.connection, secret: frame.secret } : undefined
    if (this.#place) this.#options.keepPlace?.(this.#place)
    this.#welcomedAt = Date.now()
    this.#pulse.start(Math.max(1, frame.heartbeat_s) * 1000, frame.server_time)
    for (const [topic, position] of Object.entries(frame.positions)) {
      const log = this.#topics.log(topic)
      if (frame.replay[topic] === 'continued' && log.position) continue
      const room = frame.room && topic === `room:${frame.room.session_id}` ? frame.room : undefined
      log.stand(room?.position ?? position, () => this.#tell(topic, room))
    }
    this.#outbox.lineLost()
    for (const unanswered of this.#outbox.unanswered()) this.#write(unanswered)
    for (const topic of this.#topics.wanted) {
      const asked = this.#outbox.unanswered().some((one) => one.t === 'follow' && one.topic === topic)
      if (!asked && !(topic in frame.positions)) this.#sendFollow(topic)
    }
    this.#set('open')
    for (const listener of this.#listeners.welcome) listener(frame, resumed)
    this.#pulse.probe()
  }

  #closed({ code, reason }: Pick<CloseEvent, 'code' | 'reason'>, whileResuming: boolean): void {
    this.#drop()
    if (code === closed.done && reason === 'left') this.#end('closed')
    else if (code === closed.replaced) this.#end('replaced')
    else if (reason === over) this.#end('over')
    // Out of a room somebody is put for good; everywhere else a fresh ticket asks them to sign in again.
    else if (code === closed.signedOut && this.#place && !whileResuming) this.#end('signed_out')
    else if (code === closed.refused && !whileResuming) this.#end('refused')
    else {
      if (code === closed.badMessage || code === closed.signedOut || code === closed.refused) this.#place = undefined
      if (code === closed.tooMany) this.#backoff.longest()
      this.#again()
    }
  }

  /** The socket is taken as dead, whatever it says later. */
  #lost(socket: SocketLike): void {
    if (socket !== this.#socket) return
    this.#drop()
    this.#again()
  }

  #drop(): void {
    const socket = this.#socket
    this.#socket = undefined
    clearTimeout(this.#timers.limit)
    this.#pulse.stop()
    if (socket) {
      socket.onclose = null
      socket.onmessage = null
      socket.onopen = null
      try {
        socket.close()
      } catch {
        // A socket that is still opening refuses to close in some browsers; it is forgotten either way.
      }
    }
    this.#outbox.lineLost()
  }

  #again(): void {
    if (this.state === 'ended') return
    const lived = this.#welcomedAt === 0 ? 0 : Date.now() - this.#welcomedAt
    this.#welcomedAt = 0
    this.#set('connecting')
    clearTimeout(this.#timers.retry)
    this.#timers.retry = setTimeout(() => {
      delete this.#timers.retry
      void this.#connect()
    }, this.#backoff.next(lived))
  }

  #end(reason: EndReason): void {
    if (this.state === 'ended') return
    this.endReason = reason
    this.#drop()
    clearTimeout(this.#timers.retry)
    this.#topics.close()
    this.#set('ended', reason)
    this.#outbox.close()
  }

  // ---- frames ----

  #read(frame: ServerFrame): void {
    switch (frame.t) {
      case 'event':
        this.#topics.log(frame.topic).take(frame)
        return
      case 'reply':
        this.#outbox.settle(frame)
        return
      case 'pong':
        this.#pulse.pong(frame.re, frame.server_time)
        return
      case 'media.offer':
        for (const listener of this.#listeners.mediaOffer) listener(frame)
        return
      default:
        return
    }
  }

  #sendPing(): string {
    const id = this.#id()
    this.#write({ t: 'ping', id })
    return id
  }

  #dead(): void {
    if (this.#socket) this.#lost(this.#socket)
  }

  #ask(message: Record<string, unknown>): Promise<unknown> {
    const frame = { ...message, id: this.#id() }
    const answer = this.#outbox.hold(frame)
    if (this.state === 'open' || this.#welcomedAt !== 0) this.#write(frame)
    return answer
  }

  #write(frame: Record<string, unknown>): void {
    try {
      this.#socket?.send(JSON.stringify(frame))
    } catch {
      // A socket that closes under our hands; `onclose` follows and what was not answered is sent again.
    }
  }

  // ---- topics ----

  /** Frames are missing: ask for what came after the last one that we have; the server replays it or gives the state anew. */
  #resync(topic: string): void {
    if (this.state === 'open') this.#sendFollow(topic)
  }

  #sendFollow(topic: string): void {
    const log = this.#topics.log(topic)
    const after = log.position
    this.#ask({ t: 'follow', topic, ...(after ? { after } : {}) })
      .then((data) => {
        if (!this.#topics.holds(topic, log)) return
        const answer = (data ?? {}) as { replay?: string; position?: Position; room?: RoomSnapshot | null }
        if (after && answer.replay === 'continued') return
        if (topic.startsWith('room:') && !answer.room) {
          // The state of a room comes with a welcome only: come back at once, without saying how far we were.
          this.#topics.forget(topic)
          this.#dead()
          return
        }
        const position = answer.room?.position ?? answer.position
        if (position) log.stand(position, () => this.#tell(topic, answer.room ?? undefined))
        else this.#tell(topic, answer.room ?? undefined)
      })
      .catch(() => {
        // Refused or cut: a cut line asks again with the next welcome; a refusal leaves the page on what HTTP gave it.
      })
  }

  // ---- small ----

  #id(): string {
    this.#next += 1
    return `${this.#prefix}-${this.#next}`
  }

  #set(state: LinkState, reason?: EndReason): void {
    if (this.state === state) return
    this.state = state
    for (const listener of this.#listeners.state) listener(state, reason)
  }

  #tell(topic: string, room: RoomSnapshot | undefined): void {
    for (const listener of this.#listeners.snapshot) listener(topic, room)
  }
}

function parse(text: unknown): ServerFrame | undefined {
  try {
    const frame = JSON.parse(String(text)) as ServerFrame
    return typeof frame === 'object' && frame !== null && 't' in frame ? frame : undefined
  } catch {
    return undefined
  }
}
