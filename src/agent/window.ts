import { CREDIT_QUANTUM_BYTES, INITIAL_WINDOW_BYTES, MAX_WINDOW_BYTES } from './limits.ts'

/** What may still be sent on a stream: the receiver's side of the flow control, seen from the sender. */
export class SendWindow {
  #room = INITIAL_WINDOW_BYTES
  #open = true

  get room(): number {
    return this.#room
  }

  get open(): boolean {
    return this.#open
  }

  /** Whether `bytes` were within the window; they count as outstanding then. */
  take(bytes: number): boolean {
    if (!this.#open || bytes > this.#room) return false
    this.#room -= bytes
    return true
  }

  /** Whether the receiver may grant so much. */
  widen(bytes: number): boolean {
    if (this.#room + bytes > MAX_WINDOW_BYTES) return false
    this.#room += bytes
    return true
  }

  close(): void {
    this.#open = false
  }
}

/** What the peer may still send on a stream, and when to tell it that it may send more. */
export class ReceiveWindow {
  #room = INITIAL_WINDOW_BYTES
  #consumed = 0
  #open = true

  get open(): boolean {
    return this.#open
  }

  /** Whether the peer was allowed to send so much. */
  receive(bytes: number): boolean {
    if (!this.#open || bytes > this.#room) return false
    this.#room -= bytes
    return true
  }

  grant(bytes: number): void {
    this.#room += bytes
  }

  /** Notes that so much was consumed; answers what to grant now, 0 until a portion is full. */
  consume(bytes: number): number {
    this.#consumed += bytes
    if (this.#consumed < CREDIT_QUANTUM_BYTES) return 0
    const portion = this.#consumed
    this.#consumed = 0
    return portion
  }

  close(): void {
    this.#open = false
  }
}
