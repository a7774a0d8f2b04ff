import type { FlowStream } from '../protocol/input.ts'

/** A message between threads costs about as much as copying so much. */
const MAX_BATCH_BYTES = 64 * 1024

/**
 * Joins the data that arrives in one go, so that a program that writes single
 * bytes costs a message for each read of the link, not for each byte.
 */
export class Batch {
  readonly #post: (op: number, stream: FlowStream, bytes: Uint8Array<ArrayBuffer>) => void
  #op = 0
  #stream: FlowStream = 'stdout'
  #parts: Uint8Array[] = []
  #length = 0

  constructor(post: (op: number, stream: FlowStream, bytes: Uint8Array<ArrayBuffer>) => void) {
    this.#post = post
  }

  add(op: number, stream: FlowStream, bytes: Uint8Array): void {
    const other = op !== this.#op || stream !== this.#stream
    if (other || this.#length + bytes.length > MAX_BATCH_BYTES) this.flush()
    this.#op = op
    this.#stream = stream
    this.#parts.push(bytes)
    this.#length += bytes.length
  }

  flush(): void {
    if (this.#length === 0) {
      this.#parts = []
      return
    }
    const joined = new Uint8Array(this.#length)
    let at = 0
    for (const part of this.#parts) {
      joined.set(part, at)
      at += part.length
    }
    this.#parts = []
    this.#length = 0
    this.#post(this.#op, this.#stream, joined)
  }
}
