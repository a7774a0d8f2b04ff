import { INITIAL_WINDOW_BYTES, MAX_DATA_BYTES } from '../../agent/limits.ts'
import { fail, succeed } from '../../agent/failure.ts'
import type { HostFailure, HostOutcome } from '../failure.ts'
import type { ByteSink } from '../interface.ts'

/** How a sink sends; both are over when the operation is. */
export interface SinkPort {
  readonly data: (bytes: Uint8Array<ArrayBuffer>) => void
  readonly eof: () => void
}

/** Sends bytes within what the guest has granted; a write settles when all of it is on its way. */
export class WindowedSink implements ByteSink {
  readonly #port: SinkPort
  #room = INITIAL_WINDOW_BYTES
  #queue: { readonly bytes: Uint8Array; readonly done: (outcome: HostOutcome<null>) => void; at: number }[] =
    []
  #closed: HostFailure | null = null
  #ending = false

  constructor(port: SinkPort) {
    this.#port = port
  }

  write(bytes: Uint8Array): Promise<HostOutcome<null>> {
    if (this.#ending || this.#closed !== null) return Promise.resolve(fail(this.#closed ?? ended))
    return new Promise((done) => {
      this.#queue.push({ bytes, done, at: 0 })
      this.#pump()
    })
  }

  /** Ends the stream after the writes that wait. */
  end(): Promise<HostOutcome<null>> {
    if (this.#closed !== null) return Promise.resolve(fail(this.#closed))
    if (this.#ending) return Promise.resolve(succeed(null))
    const last = this.write(new Uint8Array(0))
    this.#ending = true
    return last.then((outcome) => {
      if (outcome.ok) this.#port.eof()
      return outcome
    })
  }

  /** The guest takes so many bytes more. */
  credit(bytes: number): void {
    this.#room += bytes
    this.#pump()
  }

  /** The operation is over: nothing can be written any more. */
  close(reason: HostFailure): void {
    if (this.#closed !== null) return
    this.#closed = reason
    for (const { done } of this.#queue) done(fail(reason))
    this.#queue = []
  }

  #pump(): void {
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      while (first.at < first.bytes.length && this.#room > 0) {
        const length = Math.min(MAX_DATA_BYTES, this.#room, first.bytes.length - first.at)
        // A copy: what is posted is transferred, and the caller keeps its memory.
        const part = Uint8Array.from(first.bytes.subarray(first.at, first.at + length))
        this.#port.data(part)
        this.#room -= length
        first.at += length
      }
      if (first.at < first.bytes.length) return
      this.#queue.shift()
      first.done(succeed(null))
    }
  }
}

const ended: HostFailure = { _tag: 'StreamClosed', stream: 'a stream that was ended' }
