/** Every way in which reading an image or making a root disk of it can fail. */
export type ImageError =
  | LayoutUnreadable
  | BlobUnreadable
  | BlobSizeWrong
  | DigestMismatch
  | DocumentInvalid
  | ReferenceNotFound
  | PlatformNotFound
  | MediaTypeUnsupported
  | LayerInvalid
  | LimitExceeded
  | ExtraInvalid
  | DiskWriteFailed
  | CacheBusy
  | ImageAborted

/** Whether a thrown value is one of the errors above. */
export const isImageError = (value: unknown): value is ImageError => value instanceof ImageFailure

abstract class ImageFailure extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = new.target.name
  }
}

/** The directory is not an OCI image layout, or one of its fixed files cannot be read. */
export class LayoutUnreadable extends ImageFailure {
  readonly _tag = 'LayoutUnreadable'
  readonly code = 'LAYOUT_UNREADABLE'
  readonly path: string
  constructor(path: string, reason: string, cause?: unknown) {
    super(
      `cannot read the OCI image layout: ${path}: ${reason}; give a directory that holds oci-layout, index.json and blobs/`,
      cause,
    )
    this.path = path
  }
}

/** A blob that the image names is missing or cannot be opened or read. */
export class BlobUnreadable extends ImageFailure {
  readonly _tag = 'BlobUnreadable'
  readonly code = 'BLOB_UNREADABLE'
  readonly path: string
  readonly digest: string
  constructor(path: string, digest: string, reason: string, cause?: unknown) {
    super(`cannot read blob ${digest}: ${path}: ${reason}; fetch the image again`, cause)
    this.path = path
    this.digest = digest
  }
}

/** A blob is shorter or longer than its descriptor says. */
export class BlobSizeWrong extends ImageFailure {
  readonly _tag = 'BlobSizeWrong'
  readonly code = 'BLOB_SIZE_WRONG'
  readonly path: string
  readonly digest: string
  readonly expectedBytes: number
  readonly foundBytes: number
  constructor(path: string, digest: string, expectedBytes: number, foundBytes: number) {
    const how = foundBytes < expectedBytes ? 'truncated' : 'too long'
    super(
      `blob ${digest} is ${how}: ${path} has ${foundBytes} bytes, its descriptor says ${expectedBytes}; fetch the image again`,
    )
    this.path = path
    this.digest = digest
    this.expectedBytes = expectedBytes
    this.foundBytes = foundBytes
  }
}

/** The bytes of a blob, or of a layer once uncompressed, do not have the digest that the image gives them. */
export class DigestMismatch extends ImageFailure {
  readonly _tag = 'DigestMismatch'
  readonly code = 'DIGEST_MISMATCH'
  readonly path: string
  readonly expected: string
  readonly found: string
  constructor(path: string, what: 'blob' | 'uncompressed layer', expected: string, found: string) {
    super(`the digest of the ${what} ${path} is ${found} instead of ${expected}; fetch the image again`)
    this.path = path
    this.expected = expected
    this.found = found
  }
}

/** A JSON document of the image is not JSON, or lacks or garbles a field. */
export class DocumentInvalid extends ImageFailure {
  readonly _tag = 'DocumentInvalid'
  readonly code = 'DOCUMENT_INVALID'
  readonly path: string
  readonly field: string
  readonly expected: string
  readonly found: string
  constructor(path: string, field: string, expected: string, found: string, cause?: unknown) {
    super(`${path} is not a valid image document: expected ${expected} at ${field}, found ${found}`, cause)
    this.path = path
    this.field = field
    this.expected = expected
    this.found = found
  }
}

/** No manifest of the layout has the reference asked for, or none was asked for and there are several. */
export class ReferenceNotFound extends ImageFailure {
  readonly _tag = 'ReferenceNotFound'
  readonly code = 'REFERENCE_NOT_FOUND'
  readonly path: string
  readonly reference: string | null
  readonly available: readonly string[]
  constructor(path: string, reference: string | null, available: readonly string[]) {
    const known = available.length === 0 ? 'it names none' : `it has ${available.join(', ')}`
    super(
      reference === null
        ? `the image layout ${path} holds several images; name one of them: ${known}`
        : `the image layout ${path} has no image named ${JSON.stringify(reference)}; ${known}`,
    )
    this.path = path
    this.reference = reference
    this.available = available
  }
}

/** The image has no variant for the platform of the guest. */
export class PlatformNotFound extends ImageFailure {
  readonly _tag = 'PlatformNotFound'
  readonly code = 'PLATFORM_NOT_FOUND'
  readonly path: string
  readonly wanted: string
  readonly available: readonly string[]
  constructor(path: string, wanted: string, available: readonly string[]) {
    super(`the image ${path} is not for ${wanted}; it is for ${available.join(', ') || 'no platform'}`)
    this.path = path
    this.wanted = wanted
    this.available = available
  }
}

/** A descriptor names a kind of content that cannot be used here. */
export class MediaTypeUnsupported extends ImageFailure {
  readonly _tag = 'MediaTypeUnsupported'
  readonly code = 'MEDIA_TYPE_UNSUPPORTED'
  readonly digest: string
  readonly mediaType: string
  constructor(digest: string, mediaType: string, wanted: string) {
    super(`${digest} has media type ${JSON.stringify(mediaType)}, which cannot serve as ${wanted}`)
    this.digest = digest
    this.mediaType = mediaType
  }
}

/** A layer is not a well-formed archive, or an entry of it cannot be applied. */
export class LayerInvalid extends ImageFailure {
  readonly _tag = 'LayerInvalid'
  readonly code = 'LAYER_INVALID'
  readonly digest: string
  readonly entry: string | null
  constructor(digest: string, entry: string | null, reason: string, cause?: unknown) {
    super(`layer ${digest} is invalid${entry === null ? '' : ` at entry ${entry}`}: ${reason}`, cause)
    this.digest = digest
    this.entry = entry
  }
}

/** The image passes a limit that bounds what one image may cost. */
export class LimitExceeded extends ImageFailure {
  readonly _tag = 'LimitExceeded'
  readonly code = 'LIMIT_EXCEEDED'
  readonly limit: string
  readonly maximum: number
  readonly where: string
  constructor(limit: string, maximum: number, where: string) {
    super(
      `${where}: more than the limit ${limit} = ${maximum} allows; raise limits.${limit} if the image is trusted`,
    )
    this.limit = limit
    this.maximum = maximum
    this.where = where
  }
}

/** A file or directory to be added to the disk cannot be added. */
export class ExtraInvalid extends ImageFailure {
  readonly _tag = 'ExtraInvalid'
  readonly code = 'EXTRA_INVALID'
  readonly path: string
  constructor(path: string, reason: string, cause?: unknown) {
    super(`cannot add ${path} to the root disk: ${reason}`, cause)
    this.path = path
  }
}

/** The root disk cannot be written. */
export class DiskWriteFailed extends ImageFailure {
  readonly _tag = 'DiskWriteFailed'
  readonly code = 'DISK_WRITE_FAILED'
  readonly path: string
  readonly stage: string
  constructor(path: string, stage: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    super(
      `cannot write the root disk ${path} (${stage}): ${reason}; check the directory and its free space`,
      cause,
    )
    this.path = path
    this.stage = stage
  }
}

/** Another process has been making the same root disk for longer than the caller would wait. */
export class CacheBusy extends ImageFailure {
  readonly _tag = 'CacheBusy'
  readonly code = 'CACHE_BUSY'
  readonly path: string
  readonly waitedMs: number
  constructor(path: string, waitedMs: number) {
    super(
      `another process still makes the root disk ${path} after ${waitedMs} ms; wait for it, or raise lockTimeoutMs`,
    )
    this.path = path
    this.waitedMs = waitedMs
  }
}

/** The caller's signal was aborted; nothing is left behind. */
export class ImageAborted extends ImageFailure {
  readonly _tag = 'ImageAborted'
  readonly code = 'ABORTED'
  constructor(reason: unknown) {
    super('making the root disk was aborted', reason)
  }
}

/** Throws ImageAborted once the signal is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new ImageAborted(signal.reason)
}
