import { resolve } from 'node:path'
import { ResultAsync } from 'neverthrow'
import { buildDisk, type DiskRecipe, type Progress } from './disk/build.ts'
import { cachedDisk } from './disk/cache.ts'
import { type Extra, guestExtras, measureExtras } from './disk/extras.ts'
import { diskIdentity } from './disk/identity.ts'
import { ImageAborted, type ImageError, isImageError } from './errors.ts'
import { defaultLimits, type ImageLimits } from './limits.ts'
import type { ImageConfig } from './oci/config.ts'
import { openImage } from './oci/layout.ts'

export type { Progress } from './disk/build.ts'
export { type Extra, guestExtras } from './disk/extras.ts'
export * from './errors.ts'
export { defaultLimits, type ImageLimits } from './limits.ts'
export type { Healthcheck, ImageConfig } from './oci/config.ts'

/** Which image, and what to put on top of it. */
export interface ImageSource {
  /** An OCI image layout directory. */
  readonly layout: string
  /** Reference name or manifest digest; needed only when the layout holds several images. */
  readonly reference?: string
  readonly limits?: Partial<ImageLimits>
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: Progress) => void
}

export interface BuildOptions extends ImageSource {
  /** File to make or replace. */
  readonly output: string
  readonly extras: readonly Extra[]
}

export interface CacheOptions extends ImageSource {
  /** The guest's first program, a static executable. */
  readonly agentPath: string
  readonly cacheDir: string
  /** How long to wait for another process that makes the same disk. */
  readonly lockTimeoutMs?: number
}

/** A read-only root file system image (erofs), and what the image says about running it. */
export interface RootDisk {
  readonly path: string
  /** Size of the file, a multiple of 2 MiB. */
  readonly bytes: number
  /** Digest of the image's manifest. */
  readonly imageDigest: string
  /** Names the disk by all that it was made from. */
  readonly identity: string
  readonly config: ImageConfig
}

// A disk of 10 GB takes about a minute; the rest is for slow storage.
const LOCK_TIMEOUT_MS = 600_000

/** Makes a root disk of an image; the file appears whole or not at all. */
export function buildRootDisk(options: BuildOptions): ResultAsync<RootDisk, ImageError> {
  return edge(options.signal, async () => {
    const recipe = await prepare(options, options.extras)
    const path = resolve(options.output)
    return rootDisk(recipe, path, await buildDisk(recipe, path))
  })
}

/** The root disk of an image and an agent from a cache directory, made there when it is not. */
export function rootDiskFor(options: CacheOptions): ResultAsync<RootDisk, ImageError> {
  return edge(options.signal, async () => {
    const recipe = await prepare(options, guestExtras(options.agentPath))
    const { path, bytes } = await cachedDisk(
      recipe,
      options.cacheDir,
      options.lockTimeoutMs ?? LOCK_TIMEOUT_MS,
    )
    return rootDisk(recipe, path, bytes)
  })
}

/** What an image says about running it, without reading its layers. */
export function readImageConfig(options: ImageSource): ResultAsync<ImageConfig, ImageError> {
  return edge(options.signal, async () => (await prepare(options, [])).image.config)
}

async function prepare(source: ImageSource, extras: readonly Extra[]): Promise<DiskRecipe> {
  const limits = { ...defaultLimits, ...source.limits }
  const image = await openImage(resolve(source.layout), source.reference, limits, source.signal)
  const measured = await measureExtras(extras, source.signal)
  return {
    image,
    extras: measured,
    identity: diskIdentity(image.digest, measured),
    limits,
    signal: source.signal,
    onProgress: source.onProgress,
  }
}

function rootDisk({ image, identity }: DiskRecipe, path: string, bytes: number): RootDisk {
  return { path, bytes, imageDigest: image.digest, identity, config: image.config }
}

// Typed errors become values; anything else is a defect and rejects.
function edge<T>(signal: AbortSignal | undefined, job: () => Promise<T>): ResultAsync<T, ImageError> {
  return ResultAsync.fromPromise(job(), (error) => {
    if (isImageError(error)) return error
    if (signal?.aborted) return new ImageAborted(signal.reason)
    throw error
  })
}
