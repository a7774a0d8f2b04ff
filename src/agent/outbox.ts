import { create } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { sizeDelimitedEncode } from '@bufbuild/protobuf/wire'
import { ToAgentSchema } from './generated/agent_pb.ts'
import type { ByteLink } from './link.ts'

/** A message to the agent, without its request id. */
export type ToAgentBody = NonNullable<MessageInitShape<typeof ToAgentSchema>['body']>

/** The frame of a message. */
export const encode = (request: number, body: ToAgentBody): Uint8Array =>
  sizeDelimitedEncode(ToAgentSchema, create(ToAgentSchema, { request, body }))

/**
 * Frames that wait for room on the link. Bounded by its users: data by the
 * windows of its streams, everything else by a constant number for a request.
 */
export class Outbox {
  readonly #link: ByteLink
  #frames: Uint8Array[] = []
  #next = 0
  #bytes = 0

  constructor(link: ByteLink) {
    this.#link = link
  }

  /** Bytes that the link has not taken yet. */
  get pendingBytes(): number {
    return this.#bytes
  }

  send(frame: Uint8Array): void {
    const taken = this.#bytes === 0 ? this.#link.write(frame) : 0
    if (taken === frame.length) return
    this.#frames.push(frame.subarray(taken))
    this.#bytes += frame.length - taken
  }

  /** Gives the link what it takes, oldest first. */
  flush(): void {
    for (let frame = this.#frames[this.#next]; frame !== undefined; frame = this.#frames[this.#next]) {
      const taken = this.#link.write(frame)
      this.#bytes -= taken
      if (taken < frame.length) {
        this.#frames[this.#next] = frame.subarray(taken)
        break
      }
      this.#next += 1
    }
    this.#frames = this.#frames.slice(this.#next)
    this.#next = 0
  }

  clear(): void {
    this.#frames = []
    this.#next = 0
    this.#bytes = 0
  }
}
