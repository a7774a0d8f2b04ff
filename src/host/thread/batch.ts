import type { MessagePort } from 'node:worker_threads'
import type { FlowStream } from '../protocol/input.ts'
import type { FlowOutput } from '../protocol/output.ts'

/** A message posted costs a wake-up of the other thread, which is more than copying so much. */
const MAX_JOINED_BYTES = 64 * 1024

/**
 * What goes to the main thread, posted in one go when the thread has done what it
 * is about. Data that follow one another are joined, so that a program
 * that writes single bytes costs no message for each of them.
 */
export class OutputBatch {
  readonly #port: MessagePort
  #messages: FlowOutput[] = []
  #buffers: ArrayBuffer[] = []
  #op = 0
  #stream: FlowStream = 'stdout'
  #parts: Uint8Array[] = []
  #length = 0
  #scheduled = false

  constructor(port: MessagePort) {
    this.#port = port
  }

  add(message: FlowOutput): void {
    this.#join()
    this.#messages.push(message)
    this.#schedule()
  }

  addData(op: number, stream: FlowStream, bytes: Uint8Array): void {
    const other = op !== this.#op || stream !== this.#stream
    if (other || this.#length + bytes.length > MAX_JOINED_BYTES) this.#join()
    this.#op = op
    this.#stream = stream
    this.#parts.push(bytes)
    this.#length += bytes.length
    this.#schedule()
  }

  /** Posts at once; for the last messages before the port is closed. */
  flush(): void {
    this.#join()
    if (this.#messages.length === 0) return
    this.#port.postMessage(this.#messages, this.#buffers)
    this.#messages = []
    this.#buffers = []
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.flush()
    })
  }

  #join(): void {
    if (this.#parts.length === 0) return
    // A copy in any case: what is read from the link shares its memory with other messages.
    const bytes = new Uint8Array(this.#length)
    let at = 0
    for (const part of this.#parts) {
      bytes.set(part, at)
      at += part.length
    }
    this.#parts = []
    this.#length = 0
    this.#messages.push({ type: 'data', op: this.#op, stream: this.#stream, bytes })
    this.#buffers.push(bytes.buffer)
  }
}
