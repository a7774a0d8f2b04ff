import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { DiskWriteFailed, LimitExceeded } from '../errors.ts'

/** The block of the file system, and the page of the guest. */
export const BLOCK = 4096

const CAPACITY = 1 << 20
const ZEROS = Buffer.alloc(CAPACITY)

/** Appends to a new file through one buffer; blocks of zeros become holes. */
export class BlockWriter {
  readonly path: string
  readonly #file: FileHandle
  readonly #limit: number
  readonly #buffer = Buffer.allocUnsafe(CAPACITY)
  /** Where the buffer begins in the file; whole blocks. Nothing is stored from here on. */
  #base: number
  #fill = 0

  private constructor(path: string, file: FileHandle, start: number, limit: number) {
    this.path = path
    this.#file = file
    this.#base = start
    this.#limit = limit
  }

  /** Creates the file, which must not exist, and leaves `start` bytes for later. */
  static async create(path: string, start: number, limit: number): Promise<BlockWriter> {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
    const file = await wrapped(path, 'create', () => open(path, flags, 0o644))
    return new BlockWriter(path, file, start, limit)
  }

  get position(): number {
    return this.#base + this.#fill
  }

  async write(bytes: Buffer): Promise<void> {
    this.#reserve(bytes.length)
    for (let done = 0; done < bytes.length;) {
      const copied = bytes.copy(this.#buffer, this.#fill, done)
      done += copied
      this.#fill += copied
      if (this.#fill === CAPACITY) await this.flush()
    }
  }

  /** Leaves a hole of `length` bytes. */
  async skip(length: number): Promise<void> {
    this.#reserve(length)
    const toBlock = Math.min(length, padding(this.position))
    await this.write(ZEROS.subarray(0, toBlock))
    let rest = length - toBlock
    if (rest >= CAPACITY) {
      await this.flush()
      const whole = rest - (rest % BLOCK)
      this.#base += whole
      rest -= whole
    }
    await this.write(ZEROS.subarray(0, rest))
  }

  /** Fills the last block up with zeros. */
  async align(): Promise<void> {
    await this.write(ZEROS.subarray(0, padding(this.position)))
  }

  /** Drops everything from `position` on, a block's start. */
  async rewind(position: number): Promise<void> {
    if (position >= this.#base) {
      this.#fill = position - this.#base
      return
    }
    // What was stored must be gone, for a block of zeros that comes there will not be written.
    await this.#wrapped('truncate', () => this.#file.truncate(position))
    this.#base = position
    this.#fill = 0
  }

  /** Stores whole blocks of the buffer. */
  async flush(): Promise<void> {
    const whole = this.#fill - (this.#fill % BLOCK)
    for (let start = 0; start < whole;) {
      const end = runEnd(this.#buffer, start, whole)
      if (!isZero(this.#buffer, start))
        await this.#store(this.#buffer.subarray(start, end), this.#base + start)
      start = end
    }
    this.#buffer.copy(this.#buffer, 0, whole, this.#fill)
    this.#base += whole
    this.#fill -= whole
  }

  /** Reads back what was flushed; holes and what lies past the end read as zeros. */
  async read(position: number, target: Buffer): Promise<void> {
    await this.#wrapped('read back', async () => {
      for (let done = 0; done < target.length;) {
        const { bytesRead } = await this.#file.read(target, done, target.length - done, position + done)
        if (bytesRead === 0) {
          target.fill(0, done)
          return
        }
        done += bytesRead
      }
    })
  }

  /** Stores bytes over what was left out at the start. */
  async writeAt(position: number, bytes: Buffer): Promise<void> {
    await this.#store(bytes, position)
  }

  /** Gives the file its final size and puts all of it on stable storage. */
  async finish(size: number): Promise<void> {
    await this.align()
    await this.flush()
    await this.#wrapped('resize', () => this.#file.truncate(size))
    await this.#wrapped('sync', () => this.#file.sync())
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async #store(bytes: Buffer, position: number): Promise<void> {
    await this.#wrapped('write', async () => {
      for (let done = 0; done < bytes.length;) {
        done += (await this.#file.write(bytes, done, bytes.length - done, position + done)).bytesWritten
      }
    })
  }

  #reserve(length: number): void {
    if (this.position + length > this.#limit) throw new LimitExceeded('bytes', this.#limit, 'the root disk')
  }

  async #wrapped<T>(stage: string, action: () => Promise<T>): Promise<T> {
    return wrapped(this.path, stage, action)
  }
}

function padding(position: number): number {
  return (BLOCK - (position % BLOCK)) % BLOCK
}

function isZero(buffer: Buffer, block: number): boolean {
  return buffer.compare(ZEROS, 0, BLOCK, block, block + BLOCK) === 0
}

// The end of the run of blocks that are all zero, or all not, from `start` on.
function runEnd(buffer: Buffer, start: number, end: number): number {
  const zero = isZero(buffer, start)
  let at = start + BLOCK
  while (at < end && isZero(buffer, at) === zero) at += BLOCK
  return at
}

async function wrapped<T>(path: string, stage: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    throw new DiskWriteFailed(path, stage, error)
  }
}
