/** A bounded queue of bytes. */
export class Pipe {
  readonly #capacity: number
  #parts: Buffer[] = []
  #length = 0
  #total = 0n
  #ended = false

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get total(): bigint {
    return this.#total
  }

  get ended(): boolean {
    return this.#ended && this.#length === 0
  }

  end(): void {
    this.#ended = true
  }

  /** Takes a prefix; answers its length. */
  write(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.#capacity - this.#length)
    if (taken === 0) return 0
    this.#parts.push(Buffer.from(bytes.subarray(0, taken)))
    this.#length += taken
    this.#total += BigInt(taken)
    return taken
  }

  read(maxBytes: number): Buffer {
    const whole = Buffer.concat(this.#parts)
    const part = whole.subarray(0, maxBytes)
    this.#parts = part.length < whole.length ? [whole.subarray(part.length)] : []
    this.#length -= part.length
    return part
  }
}
