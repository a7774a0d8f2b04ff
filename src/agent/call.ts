import type { AgentFailure, Outcome } from './failure.ts'
import { fail } from './failure.ts'
import type { FileInfo, FromAgent } from './generated/agent_pb.ts'
import type { Stream } from './generated/agent_pb.ts'
import { MAX_DATA_BYTES } from './limits.ts'
import type { ToAgentBody } from './outbox.ts'
import { refusal } from './refusal.ts'
import { ReceiveWindow, SendWindow } from './window.ts'

/** The last message of a request that was carried out. */
export type Terminal = Extract<FromAgent['body'], { case: 'exited' | 'info' | 'done' }>

/** What the requester wants to hear of; called in the order of arrival, `onEnd` last and once. */
export interface CallHandlers {
  readonly onStarted?: (pid: number) => void
  readonly onData?: (stream: Stream, bytes: Uint8Array) => void
  readonly onEof?: (stream: Stream) => void
  /** The agent takes so many bytes more. */
  readonly onCredit?: (stream: Stream, bytes: number) => void
  readonly onEntries?: (entries: readonly FileInfo[]) => void
  readonly onEnd: (outcome: Outcome<Terminal>) => void
}

/** Which messages an answer may consist of; anything else breaks the wire format. */
export interface CallShape {
  readonly terminal: Terminal['case']
  readonly incoming: readonly Stream[]
  readonly outgoing: readonly Stream[]
  readonly started: boolean
  readonly entries: boolean
}

/** One request in the table of a client: its streams, and what may be said about it. */
export class Call {
  readonly #shape: CallShape
  readonly #handlers: CallHandlers
  readonly #send: (body: ToAgentBody) => void
  readonly #incoming: Map<Stream, ReceiveWindow>
  readonly #outgoing: Map<Stream, SendWindow>
  #ended = false
  #started = false
  #cancelled = false

  constructor(shape: CallShape, handlers: CallHandlers, send: (body: ToAgentBody) => void) {
    this.#shape = shape
    this.#handlers = handlers
    this.#send = send
    this.#incoming = new Map(shape.incoming.map((stream) => [stream, new ReceiveWindow()]))
    this.#outgoing = new Map(shape.outgoing.map((stream) => [stream, new SendWindow()]))
  }

  get ended(): boolean {
    return this.#ended
  }

  /** What may be sent on `stream` now. */
  room(stream: Stream): number {
    const window = this.#outgoing.get(stream)
    return window?.open === true && !this.#ended ? window.room : 0
  }

  /** Sends within the window; answers whether it was. */
  send(stream: Stream, bytes: Uint8Array): boolean {
    if (this.#ended) return true
    if (this.#outgoing.get(stream)?.take(bytes.length) !== true) return false
    for (let at = 0; at < bytes.length; at += MAX_DATA_BYTES) {
      const part = bytes.subarray(at, at + MAX_DATA_BYTES)
      this.#send({ case: 'data', value: { stream, bytes: part } })
    }
    return true
  }

  /** Ends `stream` from this side. */
  end(stream: Stream): void {
    const window = this.#outgoing.get(stream)
    if (this.#ended || window?.open !== true) return
    window.close()
    this.#send({ case: 'eof', value: { stream } })
  }

  /** Notes that the final consumer has taken so much of `stream`; grants it again in portions. */
  consumed(stream: Stream, bytes: number): void {
    const window = this.#incoming.get(stream)
    if (this.#ended || window?.open !== true) return
    const portion = window.consume(bytes)
    if (portion === 0) return
    window.grant(portion)
    this.#send({ case: 'credit', value: { stream, bytes: portion } })
  }

  signal(number: number): void {
    if (!this.#ended) this.#send({ case: 'signal', value: { number } })
  }

  resize(rows: number, columns: number): void {
    if (!this.#ended) this.#send({ case: 'resize', value: { size: { rows, columns } } })
  }

  /** Gives the request up; the agent still answers it. */
  cancel(): void {
    if (this.#ended || this.#cancelled) return
    this.#cancelled = true
    this.#send({ case: 'cancel', value: {} })
  }

  /** Takes a message about this request; answers what is wrong with it, or null. */
  accept(body: FromAgent['body']): string | null {
    switch (body.case) {
      case 'started':
        if (!this.#shape.started || this.#started) return 'Started where none is due'
        this.#started = true
        this.#handlers.onStarted?.(body.value.pid)
        return null
      case 'data':
        return this.#data(body.value.stream, body.value.bytes)
      case 'eof':
        return this.#eof(body.value.stream)
      case 'credit':
        return this.#credit(body.value.stream, body.value.bytes)
      case 'entries':
        if (!this.#shape.entries) return 'Entries where none are due'
        this.#handlers.onEntries?.(body.value.entries)
        return null
      case 'failed':
        this.settle(fail(refusal(body.value)))
        return null
      case 'exited':
      case 'info':
      case 'done':
        if (body.case !== this.#shape.terminal) return `${body.case} where ${this.#shape.terminal} is due`
        this.settle({ ok: true, value: body })
        return null
      default:
        return `${body.case ?? 'nothing'} as the answer to a request`
    }
  }

  /** Ends the request, once. */
  settle(outcome: Outcome<Terminal, AgentFailure>): void {
    if (this.#ended) return
    this.#ended = true
    this.#handlers.onEnd(outcome)
  }

  #data(stream: Stream, bytes: Uint8Array): string | null {
    const window = this.#incoming.get(stream)
    if (bytes.length > MAX_DATA_BYTES) return `${bytes.length} bytes of data in one message`
    if (window?.receive(bytes.length) !== true)
      return `${bytes.length} bytes of stream ${stream} beyond the grant or its end`
    this.#handlers.onData?.(stream, bytes)
    return null
  }

  #eof(stream: Stream): string | null {
    const window = this.#incoming.get(stream)
    if (window?.open !== true) return `the end of stream ${stream}, which is not open`
    window.close()
    this.#handlers.onEof?.(stream)
    return null
  }

  #credit(stream: Stream, bytes: number): string | null {
    const window = this.#outgoing.get(stream)
    if (window?.widen(bytes) !== true) return `a credit of ${bytes} bytes on stream ${stream}`
    this.#handlers.onCredit?.(stream, bytes)
    return null
  }
}
