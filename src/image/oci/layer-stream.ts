import { pipeline, Readable, type Transform } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { DigestMismatch, isImageError, LayerInvalid, LimitExceeded, throwIfAborted } from '../errors.ts'
import { type Descriptor, readBlob } from './blob.ts'
import { blobPath, Digester } from './digest.ts'
import type { Compression } from './media-types.ts'

/** A layer of an image. */
export interface Layer extends Descriptor {
  readonly compression: Compression
  /** Digest of the archive once uncompressed. */
  readonly diffId: string
}

/** What all layers together may come to once uncompressed. */
export interface Budget {
  readonly bytes: number
  used: number
}

/** The uncompressed archive of a layer; its end is reached only when both digests are as the image says. */
export async function* readLayer(
  layout: string,
  layer: Layer,
  budget: Budget,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  // A layer that is not packed is verified as a blob already, when the image gives it the same digest.
  const verified = layer.compression === 'none' && layer.diffId === layer.digest
  const digester = verified ? null : new Digester(layer.diffId)
  try {
    for await (const chunk of unpack(readBlob(layout, layer, signal), layer.compression)) {
      throwIfAborted(signal)
      budget.used += chunk.length
      if (budget.used > budget.bytes) {
        throw new LimitExceeded('bytes', budget.bytes, `layer ${layer.digest} once uncompressed`)
      }
      digester?.update(chunk)
      yield chunk
    }
  } catch (error) {
    throwIfAborted(signal)
    if (isImageError(error) || !isCompressionError(error)) throw error
    throw new LayerInvalid(
      layer.digest,
      null,
      `it is not valid ${layer.compression} data: ${error.message}`,
      error,
    )
  }
  const computed = digester?.digest() ?? layer.diffId
  if (computed !== layer.diffId) {
    throw new DigestMismatch(blobPath(layout, layer.digest), 'uncompressed layer', layer.diffId, computed)
  }
}

const OUTPUT = { chunkSize: 256 * 1024 }

function unpack(blob: AsyncGenerator<Buffer>, compression: Compression): AsyncIterable<Buffer> {
  switch (compression) {
    case 'none':
      return blob
    case 'gzip':
      return through(blob, createGunzip(OUTPUT))
    case 'zstd':
      return through(blob, createZstdDecompress(OUTPUT))
  }
}

// An error of the source reaches the reader through the transform, which pipeline destroys with it.
function through(blob: AsyncGenerator<Buffer>, transform: Transform): AsyncIterable<Buffer> {
  return pipeline(Readable.from(blob, { objectMode: true, highWaterMark: 1 }), transform, () => {})
}

function isCompressionError(error: unknown): error is Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return (
    code.startsWith('Z_') || code.startsWith('ZSTD_') || code.startsWith('ERR_ZSTD') || code === 'ERR_ZLIB'
  )
}
