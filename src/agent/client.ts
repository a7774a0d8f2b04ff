import { fromBinary } from '@bufbuild/protobuf'
import type { CallHandlers, CallShape } from './call.ts'
import { Call } from './call.ts'
import type { AgentFailure } from './failure.ts'
import { fail } from './failure.ts'
import { FrameDecoder, FrameError } from './frames.ts'
import type { FromAgent, Hello } from './generated/agent_pb.ts'
import { FromAgentSchema } from './generated/agent_pb.ts'
import {
  CONGESTION_BYTES,
  MAX_FRAME_BYTES,
  MAX_OUTBOX_BYTES,
  MAX_REQUESTS,
  PROTOCOL_VERSION,
  READ_BUDGET_BYTES,
} from './limits.ts'
import type { ByteLink } from './link.ts'
import type { ToAgentBody } from './outbox.ts'
import { encode, Outbox } from './outbox.ts'

/** What a client tells its owner. */
export interface ClientHandlers {
  /** The agent is there and speaks our version; requests are possible from now on. */
  readonly onReady: (hello: Hello) => void
  /** The connection is over, for this reason; every request is settled. Once. */
  readonly onEnd: (failure: AgentFailure) => void
  /** Calls `readable` again after other work of the thread has had its turn. */
  readonly yieldReading: (resume: () => void) => void
}

const CHUNK_BYTES = 64 * 1024

/** The host's end of the connection to an agent: the table of requests and what happens to them. */
export class AgentClient {
  readonly #link: ByteLink
  readonly #handlers: ClientHandlers
  readonly #outbox: Outbox
  readonly #frames = new FrameDecoder()
  readonly #calls = new Map<number, Call>()
  #lastId = 0
  #ready = false
  #ended: AgentFailure | null = null
  #late = 0

  constructor(link: ByteLink, handlers: ClientHandlers) {
    this.#link = link
    this.#handlers = handlers
    this.#outbox = new Outbox(link)
  }

  /** Messages about requests that are over or never were; dropped. */
  get lateMessages(): number {
    return this.#late
  }

  /** Whether the guest leaves so much unread that only what is owed to it is sent. */
  get congested(): boolean {
    return this.#outbox.pendingBytes > CONGESTION_BYTES
  }

  get openRequests(): number {
    return this.#calls.size
  }

  /** Bytes in our memory that the guest has not taken yet, and those of a message that has not ended. */
  get bufferedBytes(): number {
    return this.#outbox.pendingBytes + this.#frames.heldBytes
  }

  /** Opens a request. Where that is impossible it ends at once, before this returns. */
  call(body: ToAgentBody, shape: CallShape, handlers: CallHandlers): Call {
    const id = this.#freeId()
    const call = new Call(
      shape,
      { ...handlers, onEnd: (outcome) => this.#finish(id, handlers, outcome) },
      (part) => this.#send(encode(id, part)),
    )
    const frame = encode(id, body)
    const refused = this.#refusal(frame.length)
    if (refused !== null) {
      call.settle(fail(refused))
      return call
    }
    this.#calls.set(id, call)
    this.#send(frame)
    return call
  }

  /** Bytes, or the end, can be read from the link. */
  readonly readable = (): void => {
    let budget = READ_BUDGET_BYTES
    while (this.#ended === null) {
      if (budget <= 0) return this.#handlers.yieldReading(this.readable)
      const chunk = this.#link.read(CHUNK_BYTES)
      if (chunk === null) return this.end({ _tag: 'LinkEnded', reason: 'the agent closed the connection' })
      if (chunk.length === 0) return
      budget -= chunk.length
      this.#push(chunk)
    }
  }

  /** The link has room again. */
  writable(): void {
    if (this.#ended === null) this.#outbox.flush()
  }

  /** Ends the connection: settles every request with `failure` and refuses later ones. Idempotent. */
  end(failure: AgentFailure): void {
    if (this.#ended !== null) return
    this.#ended = failure
    this.#outbox.clear()
    for (const call of this.#calls.values()) call.settle(fail(failure))
    this.#link.close()
    this.#handlers.onEnd(failure)
  }

  #send(frame: Uint8Array): void {
    if (this.#ended !== null) return
    this.#outbox.send(frame)
    if (this.#outbox.pendingBytes > MAX_OUTBOX_BYTES)
      this.#violation(`it left ${this.#outbox.pendingBytes} bytes unread`)
  }

  #finish(id: number, handlers: CallHandlers, outcome: Parameters<CallHandlers['onEnd']>[0]): void {
    this.#calls.delete(id)
    handlers.onEnd(outcome)
  }

  #refusal(bytes: number): AgentFailure | null {
    if (this.#ended !== null) return this.#ended
    if (!this.#ready) return { _tag: 'LinkEnded', reason: 'the agent has not connected yet' }
    if (this.#calls.size >= MAX_REQUESTS) return { _tag: 'TooManyRequests', limit: MAX_REQUESTS }
    if (bytes > MAX_FRAME_BYTES) return { _tag: 'RequestTooLarge', bytes, limitBytes: MAX_FRAME_BYTES }
    return null
  }

  #freeId(): number {
    do this.#lastId = this.#lastId === 0xffff_ffff ? 1 : this.#lastId + 1
    while (this.#calls.has(this.#lastId))
    return this.#lastId
  }

  #push(chunk: Uint8Array): void {
    try {
      this.#frames.push(chunk, (body) => {
        if (this.#ended === null) this.#message(decode(body))
      })
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      this.#violation(error.message)
    }
  }

  #message(message: FromAgent): void {
    if (!this.#ready) return this.#hello(message)
    if (message.request === 0) return this.#violation(`${message.body.case ?? 'nothing'} for request 0`)
    const call = this.#calls.get(message.request)
    if (call === undefined) {
      this.#late += 1
      return
    }
    const wrong = call.accept(message.body)
    if (wrong !== null) this.#violation(`${wrong}, on request ${message.request}`)
  }

  #hello({ request, body }: FromAgent): void {
    if (request !== 0 || body.case !== 'hello') return this.#violation('its first message is no Hello')
    if (body.value.protocol !== PROTOCOL_VERSION)
      return this.#violation(`it speaks version ${body.value.protocol}; this host speaks ${PROTOCOL_VERSION}`)
    this.#ready = true
    this.#handlers.onReady(body.value)
  }

  #violation(detail: string): void {
    this.end({ _tag: 'ProtocolViolation', detail })
  }
}

const decode = (body: Uint8Array): FromAgent => {
  try {
    return fromBinary(FromAgentSchema, body, { readUnknownFields: false })
  } catch (error) {
    throw new FrameError('a message that cannot be decoded', { cause: error })
  }
}
