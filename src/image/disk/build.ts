import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { writeErofs } from '../erofs/write.ts'
import { DiskWriteFailed, throwIfAborted } from '../errors.ts'
import type { ImageLimits } from '../limits.ts'
import { type Budget, type Layer, readLayer } from '../oci/layer-stream.ts'
import type { Image } from '../oci/layout.ts'
import { Pace } from '../pace.ts'
import { ByteReader } from '../tar/byte-reader.ts'
import { readTar } from '../tar/reader.ts'
import { applyLayer, type LayerContext } from '../tree/apply-layer.ts'
import { emptyDirectory } from '../tree/node.ts'
import { BLOCK, BlockWriter } from './block-writer.ts'
import { copyExtents, hasGarbage, liveExtents } from './compact.ts'
import { ContentStore } from './content-store.ts'
import { applyExtras, type MeasuredExtra } from './extras.ts'
import { diskUuid } from './identity.ts'

/** How far the making of a disk is. */
export interface Progress {
  readonly stage: 'layer' | 'extras' | 'write'
  /** Layers done, and all of them. */
  readonly layers: number
  readonly ofLayers: number
}

/** All that a disk is made from. */
export interface DiskRecipe {
  readonly image: Image
  readonly extras: readonly MeasuredExtra[]
  readonly identity: string
  readonly limits: ImageLimits
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: Progress) => void) | undefined
}

/** Makes the disk under a temporary name beside `output`, then renames it; returns its size. */
export async function buildDisk(recipe: DiskRecipe, output: string): Promise<number> {
  const temporaries: string[] = []
  const writers: BlockWriter[] = []
  const create = async (): Promise<BlockWriter> => {
    const path = `${output}${PARTIAL}${process.pid}-${randomBytes(6).toString('hex')}`
    const writer = await BlockWriter.create(path, BLOCK, recipe.limits.bytes)
    temporaries.push(path)
    writers.push(writer)
    return writer
  }
  try {
    const { path, size } = await writeDisk(recipe, create)
    throwIfAborted(recipe.signal)
    await publish(path, output)
    return size
  } finally {
    for (const writer of writers) await writer.close()
    for (const path of temporaries) await rm(path, { force: true })
  }
}

/** What stands between the name of a disk and the rest of its temporary name. */
export const PARTIAL = '.partial-'

async function writeDisk(
  recipe: DiskRecipe,
  create: () => Promise<BlockWriter>,
): Promise<{ path: string; size: number }> {
  const { image, extras, limits, signal, onProgress } = recipe
  const spool = await create()
  const contents = new ContentStore(spool, signal)
  const pace = new Pace(signal)
  const context: LayerContext = { root: emptyDirectory(), contents, limits, pace, entries: 0 }
  const budget: Budget = { bytes: limits.bytes, used: 0 }
  const ofLayers = image.layers.length
  for (const [index, layer] of image.layers.entries()) {
    onProgress?.({ stage: 'layer', layers: index, ofLayers })
    await readAndApply(context, image.layout, layer, index, budget, signal)
  }
  onProgress?.({ stage: 'extras', layers: ofLayers, ofLayers })
  await applyExtras(context.root, contents, extras, ofLayers, limits, signal)
  onProgress?.({ stage: 'write', layers: ofLayers, ofLayers })
  const live = await liveExtents(context.root, pace)
  let writer = spool
  if (hasGarbage(contents, live)) {
    writer = await create()
    await copyExtents(spool, writer, live, pace)
  }
  const options = { uuid: diskUuid(recipe.identity), buildTime: buildTime(image), pace }
  return { path: writer.path, size: await writeErofs(writer, context.root, options) }
}

async function readAndApply(
  context: LayerContext,
  layout: string,
  layer: Layer,
  index: number,
  budget: Budget,
  signal: AbortSignal | undefined,
): Promise<void> {
  const reader = new ByteReader(readLayer(layout, layer, budget, signal))
  try {
    await applyLayer(context, readTar(reader, context.limits.headerBytes), index, layer.digest)
    await reader.drain()
  } finally {
    await reader.close()
  }
}

async function publish(path: string, output: string): Promise<void> {
  try {
    await rename(path, output)
    const directory = await open(dirname(output))
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  } catch (error) {
    throw new DiskWriteFailed(output, 'rename', error)
  }
}

function buildTime({ config }: Image): number {
  const time = config.created === null ? Number.NaN : Date.parse(config.created)
  return Number.isNaN(time) ? 0 : Math.floor(time / 1000)
}
