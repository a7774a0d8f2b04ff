import { TarInvalid } from './invalid.ts'

const EMPTY = Buffer.alloc(0)

/** Reads exact lengths from a stream of chunks, without copying where a chunk holds the whole length. */
export class ByteReader {
  readonly #source: AsyncIterator<Buffer>
  #chunk: Buffer = EMPTY
  #position = 0

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** Bytes consumed so far. */
  get position(): number {
    return this.#position
  }

  /** The next `length` bytes, or null when the stream ended before the first of them. */
  async read(length: number): Promise<Buffer | null> {
    if (this.#chunk.length >= length) return this.#shift(length)
    const parts: Buffer[] = []
    let missing = length
    while (missing > 0) {
      if (this.#chunk.length === 0 && !(await this.#next())) {
        if (missing === length) return null
        throw this.#truncated(missing)
      }
      const part = this.#shift(Math.min(missing, this.#chunk.length))
      parts.push(part)
      missing -= part.length
    }
    return Buffer.concat(parts, length)
  }

  /** The next `length` bytes; the stream must have them. */
  async readExactly(length: number): Promise<Buffer> {
    const bytes = length === 0 ? EMPTY : await this.read(length)
    if (bytes === null) throw this.#truncated(length)
    return bytes
  }

  /** Some of the next bytes, at least one and at most `length`; the stream must have one. */
  async readSome(length: number): Promise<Buffer> {
    if (this.#chunk.length === 0 && !(await this.#next())) throw this.#truncated(length)
    return this.#shift(Math.min(length, this.#chunk.length))
  }

  async skip(length: number): Promise<void> {
    for (let missing = length; missing > 0;) missing -= (await this.readSome(missing)).length
  }

  /** Reads to the end, so that what checks the stream on its way sees all of it. */
  async drain(): Promise<void> {
    do {
      this.#shift(this.#chunk.length)
    } while (await this.#next())
  }

  /** Releases the source, whether or not it was read to the end. */
  async close(): Promise<void> {
    await this.#source.return?.()
  }

  async #next(): Promise<boolean> {
    for (;;) {
      const result = await this.#source.next()
      if (result.done) return false
      if (result.value.length === 0) continue
      this.#chunk = result.value
      return true
    }
  }

  #shift(length: number): Buffer {
    const bytes = this.#chunk.subarray(0, length)
    this.#chunk = this.#chunk.subarray(length)
    this.#position += length
    return bytes
  }

  #truncated(missing: number): TarInvalid {
    return new TarInvalid(`the archive ends at byte ${this.#position}, ${missing} bytes short`, null)
  }
}
