import { Writable } from 'node:stream'

/** Bytes of each stream that `--json` keeps; the rest is read and counted. */
const KEPT_BYTES = 8 * 1024 * 1024

/** What a command wrote, as `--json` prints it. */
export interface Captured {
  readonly encoding: 'utf8' | 'base64'
  readonly data: string
  /** Bytes written, of which `data` may hold fewer. */
  readonly bytes: number
  readonly truncated: boolean
}

/** Takes a stream for `--json`, with bounded memory. */
export class Capture extends Writable {
  readonly #chunks: Buffer[] = []
  readonly #limit: number
  #kept = 0
  #bytes = 0

  constructor(keptBytes: number = KEPT_BYTES) {
    super()
    this.#limit = keptBytes
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    const part = chunk.subarray(0, this.#limit - this.#kept)
    if (part.length > 0) this.#chunks.push(part)
    this.#kept += part.length
    this.#bytes += chunk.length
    done()
  }

  captured(): Captured {
    const kept = Buffer.concat(this.#chunks)
    const text = decode(kept)
    return {
      encoding: text === null ? 'base64' : 'utf8',
      data: text ?? kept.toString('base64'),
      bytes: this.#bytes,
      truncated: this.#bytes > this.#kept,
    }
  }
}

const decode = (bytes: Buffer): string | null => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}
