import type { Call } from './call.ts'
import type { Stream } from './generated/agent_pb.ts'

/** Keeps what arrives on the streams of a call, up to a limit on all of them together. */
export class Collector {
  readonly limitBytes: number
  readonly #streams = new Map<Stream, GrowingBytes>()
  #total = 0
  #overflowed = false

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  /** Whether the limit was passed; the call has been given up then. */
  get overflowed(): boolean {
    return this.#overflowed
  }

  take(call: Call, stream: Stream, bytes: Uint8Array): void {
    if (!this.#overflowed && this.#total + bytes.length > this.limitBytes) this.#overflow(call)
    if (!this.#overflowed) this.#keep(stream, bytes)
    call.consumed(stream, bytes.length)
  }

  /** All of `stream`, in memory of its own; to be called once. */
  bytes(stream: Stream): Uint8Array<ArrayBuffer> {
    return this.#streams.get(stream)?.take() ?? new Uint8Array(0)
  }

  #keep(stream: Stream, bytes: Uint8Array): void {
    this.#total += bytes.length
    const known = this.#streams.get(stream)
    const buffer = known ?? new GrowingBytes()
    if (known === undefined) this.#streams.set(stream, buffer)
    buffer.append(bytes)
  }

  #overflow(call: Call): void {
    this.#overflowed = true
    this.#streams.clear()
    call.cancel()
  }
}

/** Sends bytes that are all here as fast as the stream's window allows, then ends the stream. */
export class Feeder {
  readonly #stream: Stream
  #rest: Uint8Array

  constructor(stream: Stream, bytes: Uint8Array) {
    this.#stream = stream
    this.#rest = bytes
  }

  feed(call: Call): void {
    const part = this.#rest.subarray(0, call.room(this.#stream))
    if (part.length > 0 && call.send(this.#stream, part)) this.#rest = this.#rest.subarray(part.length)
    if (this.#rest.length === 0) call.end(this.#stream)
  }
}

// Copied rather than kept as views: a guest that writes single bytes would make each cost an object.
class GrowingBytes {
  #bytes = new Uint8Array(0)
  #length = 0

  append(part: Uint8Array): void {
    const length = this.#length + part.length
    if (length > this.#bytes.length) this.#resize(Math.max(length, 2 * this.#bytes.length, 1024))
    this.#bytes.set(part, this.#length)
    this.#length = length
  }

  take(): Uint8Array<ArrayBuffer> {
    this.#resize(this.#length)
    return this.#bytes
  }

  #resize(length: number): void {
    this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(length))
  }
}
