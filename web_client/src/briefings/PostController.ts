/**
 * The page of a listening post: comes in by its link, hears leader and interpreter, and sends sound only while it has the word.
 * Plain TypeScript; the page draws it.
 */
import { api } from '../api/client'
import { AudioOut } from '../call/AudioOut'
import type { Join } from '../call/join'
import { LocalMedia } from '../call/LocalMedia'
import { type LinePhase, PeerTransport } from '../call/PeerTransport'
import { ScreenLock } from '../call/ScreenLock'
import { type AppError, asAppError } from '../lib/errors'
import type { RealtimeClient } from '../realtime/RealtimeClient'
import { applied, fromSnapshot, type RoomState } from '../realtime/roomState'
import { tab } from '../realtime/tab'
import type { Listen, Understood } from './types'

export type PostState = {
  stage: 'loading' | 'waiting' | 'in' | 'over' | 'failed'
  error: AppError | undefined
  found: Listen | undefined
  room: RoomState | undefined
  word: boolean
  line: LinePhase
  /** The browser waits for a tap before it plays. */
  blocked: boolean
}

const again = 3000

export class PostController {
  state: PostState = {
    stage: 'loading',
    error: undefined,
    found: undefined,
    room: undefined,
    word: false,
    line: 'starting',
    blocked: false,
  }
  #token: string
  #changed: (state: PostState) => void
  #sound = new AudioOut(() => this.#set({ blocked: this.#sound.blocked }))
  #microphone: LocalMedia | undefined
  #client: RealtimeClient | undefined
  #transport: PeerTransport | undefined
  #screen = new ScreenLock()
  #timer: ReturnType<typeof setTimeout> | undefined
  #closed = false

  constructor(token: string, changed: (state: PostState) => void) {
    this.#token = token
    this.#changed = changed
  }

  /** From a tap: the browser may play from now on. Waits for the room, then comes in. */
  async start(): Promise<void> {
    void this.#sound.unlock()
    await this.#look()
  }

  hear(): Promise<void> {
    return this.#sound.unlock()
  }

  told(group: number, people: number, answer: Understood): Promise<unknown> {
    return api.post('/api/listen/told', { token: this.#token, group, people, answer })
  }

  ask(kind: 'repeat' | 'question'): Promise<unknown> {
    return api.post('/api/listen/ask', { token: this.#token, kind })
  }

  close(): void {
    this.#closed = true
    this.#release()
  }

  async #look(): Promise<void> {
    if (this.#closed) return
    try {
      const found = await api.post<Listen>('/api/listen', { token: this.#token })
      if (this.#closed) return
      this.#set({ found, word: found.word, error: undefined })
      if (found.state === 'over') this.#over()
      else if (found.join) this.#connect(found.join)
      else {
        this.#set({ stage: 'waiting' })
        this.#timer = setTimeout(() => void this.#look(), again)
      }
    } catch (thrown) {
      const error = asAppError(thrown)
      this.#set({ stage: 'failed', error })
      // A line that comes back is no reason to look for the link again; a link that opens nothing is final.
      if (error.status !== 401) this.#timer = setTimeout(() => void this.#look(), again)
    }
  }

  #connect(join: Join): void {
    let grant: string | undefined = join.grant
    const client = tab.enter(async () => {
      const mine = grant ?? (await api.post<Listen>('/api/listen', { token: this.#token })).join?.grant
      grant = undefined
      return mine ? { grant: mine } : {}
    })
    this.#client = client
    client.on('snapshot', (topic, room) => {
      if (topic === join.room && room) this.#set({ room: fromSnapshot(room, new Date(client.now()).toISOString()) })
    })
    client.on('event', (frame) => {
      if (frame.topic !== join.room || !this.state.room) return
      if (frame.name === 'briefing.word') void this.#word(frame.data as { post_id: string; on: boolean })
      const room = applied(this.state.room, frame)
      this.#set({ room })
      if (room.closed !== null) this.#over()
    })
    client.on('mediaOffer', (offer) => this.#transport?.take(offer))
    client.on('welcome', () => {
      this.#set({ stage: 'in' })
      if (this.#transport) this.#transport.socketBack()
      else this.#media(join)
    })
    client.on('state', (state, reason) => {
      if (state !== 'open') this.#transport?.socketGone()
      if (state === 'ended' && reason !== 'closed') this.#over()
    })
    void this.#screen.hold()
    if (this.state.word) void this.#listen(true)
    client.start()
  }

  #media(join: Join): void {
    this.#transport = new PeerTransport({
      iceServers: join.ice_servers,
      send: (message) => this.#client?.send(message) ?? Promise.reject(new Error('closed')),
      own: () => ({ audio: this.#microphone?.audio ?? null, video: null }),
      want: () => ({ send_audio: this.state.word, send_video: false, receive_audio: true, receive_video: false }),
      expected: () =>
        (this.state.room?.participants ?? [])
          .filter((one) => one.id !== this.state.room?.you && one.state === 'present' && one.has_audio)
          .map((one) => one.id),
      onRemote: (remote) => this.#sound.set(remote.filter((one) => one.kind === 'audio')),
      onPhase: (line) => this.#set({ line }),
      onReport: () => {},
    })
    this.#transport.start()
  }

  async #word(change: { post_id: string; on: boolean }): Promise<void> {
    const mine = this.state.found?.post_id === change.post_id && change.on
    if (mine === this.state.word) return
    this.#set({ word: mine })
    await this.#listen(mine)
    this.#transport?.restart()
  }

  /** The microphone is open only while the post has the word. */
  async #listen(on: boolean): Promise<void> {
    this.#microphone?.close()
    this.#microphone = undefined
    if (!on) return
    this.#microphone = new LocalMedia(() => void this.#transport?.refreshOwn())
    await this.#microphone.open(false)
  }

  #over(): void {
    this.#set({ stage: 'over', word: false })
    this.#release()
  }

  #release(): void {
    clearTimeout(this.#timer)
    this.#transport?.close()
    this.#transport = undefined
    this.#microphone?.close()
    this.#sound.close()
    this.#screen.close()
    if (this.#client) tab.leave(this.#client)
    this.#client = undefined
  }

  #set(change: Partial<PostState>): void {
    this.state = { ...this.state, ...change }
    this.#changed(this.state)
  }
}
