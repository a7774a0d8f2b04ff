import { crc32 } from 'node:zlib'
import { throwIfAborted } from '../errors.ts'
import { TarInvalid } from '../tar/invalid.ts'
import type { Segment } from '../tar/sparse.ts'
import { BLOCK, type BlockWriter } from './block-writer.ts'

/** Where the contents of one or more files lie, from the start of a block. */
export interface Extent {
  offset: number
  readonly blocks: number
}

const COMPARED = 1 << 20

/** Stores file contents as they arrive, one after the other, equal ones once. */
export class ContentStore {
  readonly #writer: BlockWriter
  readonly #signal: AbortSignal | undefined
  readonly #known = new Map<string, Extent[]>()
  /** Blocks of all extents, whether or not a file still uses them. */
  blocks = 0

  constructor(writer: BlockWriter, signal?: AbortSignal) {
    this.#writer = writer
    this.#signal = signal
  }

  /** Stores a file of `size` bytes, whose chunks fill the segments in order; null when it is empty. */
  async add(
    content: AsyncIterable<Buffer>,
    size: number,
    segments: readonly Segment[] | null,
  ): Promise<Extent | null> {
    if (size === 0) return null
    const writer = this.#writer
    const extent: Extent = { offset: writer.position, blocks: Math.ceil(size / BLOCK) }
    if (segments === null) {
      const checksum = await this.#store(content, size)
      await writer.align()
      const twin = await this.#twin(`${size}:${checksum}`, extent)
      if (twin !== null) {
        await writer.rewind(extent.offset)
        return twin
      }
    } else {
      await this.#storeSparse(content, size, segments)
      await writer.align()
    }
    this.blocks += extent.blocks
    return extent
  }

  async #store(content: AsyncIterable<Buffer>, size: number): Promise<number> {
    let checksum = 0
    let stored = 0
    for await (const chunk of content) {
      throwIfAborted(this.#signal)
      checksum = crc32(chunk, checksum)
      stored += chunk.length
      await this.#writer.write(chunk)
    }
    if (stored !== size) throw new TarInvalid(`${stored} bytes of ${size} are stored`, null)
    return checksum
  }

  async #storeSparse(
    content: AsyncIterable<Buffer>,
    size: number,
    segments: readonly Segment[],
  ): Promise<void> {
    const start = this.#writer.position
    const chunks = content[Symbol.asyncIterator]()
    let chunk: Buffer = Buffer.alloc(0)
    for (const { offset, length } of segments) {
      await this.#writer.skip(start + offset - this.#writer.position)
      for (let missing = length; missing > 0;) {
        throwIfAborted(this.#signal)
        if (chunk.length === 0) {
          const next = await chunks.next()
          if (next.done) throw new TarInvalid('a sparse file ends early', null)
          chunk = next.value
        }
        const part = chunk.subarray(0, missing)
        await this.#writer.write(part)
        chunk = chunk.subarray(part.length)
        missing -= part.length
      }
    }
    await this.#writer.skip(start + size - this.#writer.position)
  }

  // An equal extent stored before; else this one becomes known. A checksum finds it, the bytes decide.
  async #twin(key: string, extent: Extent): Promise<Extent | null> {
    const candidates = this.#known.get(key)
    if (candidates === undefined) {
      this.#known.set(key, [extent])
      return null
    }
    await this.#writer.flush()
    for (const candidate of candidates) if (await this.#equal(candidate, extent)) return candidate
    // A hostile image could make many files with one checksum; so few are enough for an honest one.
    if (candidates.length < 4) candidates.push(extent)
    return null
  }

  async #equal(one: Extent, other: Extent): Promise<boolean> {
    const bytes = one.blocks * BLOCK
    const left = Buffer.allocUnsafe(Math.min(COMPARED, bytes))
    const right = Buffer.allocUnsafe(left.length)
    for (let done = 0; done < bytes; done += left.length) {
      throwIfAborted(this.#signal)
      const length = Math.min(left.length, bytes - done)
      await this.#writer.read(one.offset + done, left.subarray(0, length))
      await this.#writer.read(other.offset + done, right.subarray(0, length))
      if (left.compare(right, 0, length, 0, length) !== 0) return false
    }
    return true
  }
}
