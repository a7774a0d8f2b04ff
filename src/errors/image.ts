import * as Data from 'effect/Data'
import type { ImageError } from '../image/errors.ts'

/** The root disk of an image could not be made. */
export class ImageFailed extends Data.TaggedError('ImageFailed')<{
  readonly image: string
  readonly cause: ImageError
  readonly message: string
}> {
  readonly code = 'IMAGE_FAILED'

  constructor(fields: { readonly image: string; readonly cause: ImageError }) {
    super({ ...fields, message: `no root disk for the image ${fields.image}: ${fields.cause.message}` })
  }
}
