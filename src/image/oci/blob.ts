import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { BlobSizeWrong, BlobUnreadable, DigestMismatch, LimitExceeded, throwIfAborted } from '../errors.ts'
import { blobPath, Digester } from './digest.ts'

/** What names a blob. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

const CHUNK = 1 << 20

/** The bytes of a blob; its end is reached only when size and digest are as described. */
export async function* readBlob(
  layout: string,
  descriptor: Descriptor,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const { digest, size } = descriptor
  const path = blobPath(layout, digest)
  const file = await openBlob(path, digest)
  try {
    const { size: found } = await file.stat()
    if (found !== size) throw new BlobSizeWrong(path, digest, size, found)
    const digester = new Digester(digest)
    for (let position = 0; position < size;) {
      throwIfAborted(signal)
      const chunk = await readChunk(file, path, digest, Math.min(CHUNK, size - position), position)
      if (chunk.length === 0) throw new BlobSizeWrong(path, digest, size, position)
      position += chunk.length
      digester.update(chunk)
      yield chunk
    }
    const computed = digester.digest()
    if (computed !== digest) throw new DigestMismatch(path, 'blob', digest, computed)
  } finally {
    await file.close()
  }
}

/** A whole small blob. */
export async function readSmallBlob(
  layout: string,
  descriptor: Descriptor,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Buffer> {
  if (descriptor.size > maxBytes) {
    throw new LimitExceeded(
      'documentBytes',
      maxBytes,
      `document ${descriptor.digest} of ${descriptor.size} bytes`,
    )
  }
  return Buffer.concat(await Array.fromAsync(readBlob(layout, descriptor, signal)))
}

async function openBlob(path: string, digest: string): Promise<FileHandle> {
  let file: FileHandle
  try {
    // Not blocking, so that a pipe in the place of a blob is an error below rather than a wait.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw new BlobUnreadable(path, digest, reasonOf(error), error)
  }
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw new BlobUnreadable(path, digest, 'it is not a file')
}

async function readChunk(
  file: FileHandle,
  path: string,
  digest: string,
  length: number,
  position: number,
): Promise<Buffer> {
  try {
    const buffer = Buffer.allocUnsafeSlow(length)
    const { bytesRead } = await file.read(buffer, 0, length, position)
    return buffer.subarray(0, bytesRead)
  } catch (error) {
    throw new BlobUnreadable(path, digest, reasonOf(error), error)
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
