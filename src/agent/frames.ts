import { sizeDelimitedPeek } from '@bufbuild/protobuf/wire'
import { MAX_FRAME_BYTES } from './limits.ts'

/** The peer's byte stream is not a sequence of frames within the limit. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

/**
 * Cuts a byte stream into the bodies of its size-delimited frames. Holds at
 * most one incomplete frame. A body is a view of what was pushed, so the caller
 * must not reuse that memory.
 */
export class FrameDecoder {
  /** The start of a frame whose end has not come: its first `#held` bytes. */
  #partial = new Uint8Array(0)
  #held = 0

  /** Bytes kept until the rest of their frame comes. */
  get heldBytes(): number {
    return this.#held
  }

  /** Gives each body that `chunk` completes to `take`. Throws a FrameError. */
  push(chunk: Uint8Array, take: (body: Uint8Array) => void): void {
    let rest = chunk
    while (this.#held > 0 && rest.length > 0) {
      const consumed = this.#fill(rest)
      rest = rest.subarray(consumed)
      this.#emptyPartial(take)
    }
    for (;;) {
      const frame = locate(rest)
      if (frame === null || frame.end > rest.length) break
      take(rest.subarray(frame.start, frame.end))
      rest = rest.subarray(frame.end)
    }
    if (rest.length > 0) this.#hold(rest)
  }

  /** Copies from `rest` no more than the held frame lacks, or one byte of its length prefix. */
  #fill(rest: Uint8Array): number {
    const frame = locate(this.#partial.subarray(0, this.#held))
    const missing = frame === null ? 1 : frame.end - this.#held
    const taken = Math.min(missing, rest.length)
    this.#reserve(this.#held + missing)
    this.#partial.set(rest.subarray(0, taken), this.#held)
    this.#held += taken
    return taken
  }

  #emptyPartial(take: (body: Uint8Array) => void): void {
    const frame = locate(this.#partial.subarray(0, this.#held))
    if (frame === null || frame.end > this.#held) return
    const body = this.#partial.subarray(frame.start, frame.end)
    this.#partial = new Uint8Array(0)
    this.#held = 0
    take(body)
  }

  #hold(rest: Uint8Array): void {
    this.#reserve(locate(rest)?.end ?? rest.length)
    this.#partial.set(rest)
    this.#held = rest.length
  }

  #reserve(length: number): void {
    if (length <= this.#partial.length) return
    const larger = new Uint8Array(length)
    larger.set(this.#partial.subarray(0, this.#held))
    this.#partial = larger
  }
}

/** Where the first frame's body lies in `bytes`; null while its length prefix is incomplete. */
const locate = (bytes: Uint8Array): { readonly start: number; readonly end: number } | null => {
  if (bytes.length === 0) return null
  const size = peek(bytes)
  if (size.eof) return null
  if (size.size > MAX_FRAME_BYTES)
    throw new FrameError(`a message of ${size.size} bytes; the limit is ${MAX_FRAME_BYTES}`)
  return { start: size.offset, end: size.offset + size.size }
}

const peek = (bytes: Uint8Array) => {
  try {
    return sizeDelimitedPeek(bytes)
  } catch (error) {
    throw new FrameError('a length prefix that is no varint', { cause: error })
  }
}
