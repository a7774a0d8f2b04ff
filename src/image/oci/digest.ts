import { createHash, type Hash } from 'node:crypto'
import { join } from 'node:path'

const PATTERN = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/

/** Whether a text is a digest that can be verified here; nothing else ever becomes part of a path. */
export function isDigest(text: string): boolean {
  return PATTERN.test(text)
}

/** Where a layout keeps the blob of a digest. */
export function blobPath(layout: string, digest: string): string {
  const { algorithm, hex } = parts(digest)
  return join(layout, 'blobs', algorithm, hex)
}

/** Computes a digest with the algorithm of `like`. */
export class Digester {
  readonly #algorithm: string
  readonly #hash: Hash

  constructor(like: string) {
    this.#algorithm = parts(like).algorithm
    this.#hash = createHash(this.#algorithm)
  }

  update(bytes: Buffer): void {
    this.#hash.update(bytes)
  }

  digest(): string {
    return `${this.#algorithm}:${this.#hash.digest('hex')}`
  }
}

function parts(digest: string): { algorithm: string; hex: string } {
  if (!isDigest(digest)) throw new TypeError(`not a digest: ${JSON.stringify(digest)}`)
  const colon = digest.indexOf(':')
  return { algorithm: digest.slice(0, colon), hex: digest.slice(colon + 1) }
}
