import type { HostFailure, HostOutcome } from '../failure.ts'
import type { ByteSource } from '../interface.ts'

/** Consumption is told in portions: small next to the window, large next to a message. */
const TOLD_BYTES = 32 * 1024

/** Keeps bytes of a guest until their one reader takes them, and says so then: that is what the guest's grant follows. */
export class BufferedSource implements ByteSource {
  readonly #tell: (bytes: number) => void
  #parts: Uint8Array[] = []
  #waiting: ((outcome: HostOutcome<Uint8Array | null>) => void) | null = null
  #end: HostOutcome<null> | null = null
  #discarding = false
  #untold = 0

  constructor(tell: (bytes: number) => void) {
    this.#tell = tell
  }

  next(): Promise<HostOutcome<Uint8Array | null>> {
    const part = this.#parts.shift()
    if (part !== undefined) {
      this.#consumed(part.length)
      return Promise.resolve({ ok: true, value: part })
    }
    if (this.#end !== null) return Promise.resolve(this.#end)
    if (this.#waiting !== null) throw new Error('a stream of a guest has two readers at once')
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  discard(): void {
    this.#discarding = true
    for (const part of this.#parts) this.#consumed(part.length)
    this.#parts = []
  }

  push(bytes: Uint8Array): void {
    if (this.#end !== null) return
    if (this.#discarding) return this.#consumed(bytes.length)
    const waiting = this.#waiting
    if (waiting === null) {
      this.#parts.push(bytes)
      return
    }
    this.#waiting = null
    this.#consumed(bytes.length)
    waiting({ ok: true, value: bytes })
  }

  /** The guest sends no more. What is here can still be read. */
  end(): void {
    this.#settle({ ok: true, value: null })
  }

  /** The stream broke off: a reader must not take it for complete. */
  fail(error: HostFailure): void {
    this.#settle({ ok: false, error })
  }

  #consumed(bytes: number): void {
    this.#untold += bytes
    if (this.#untold < TOLD_BYTES) return
    this.#tell(this.#untold)
    this.#untold = 0
  }

  #settle(end: HostOutcome<null>): void {
    if (this.#end !== null) return
    this.#end = end
    this.#waiting?.(end)
    this.#waiting = null
  }
}
