import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LayoutUnreadable, LimitExceeded, MediaTypeUnsupported, PlatformNotFound } from '../errors.ts'
import type { ImageLimits } from '../limits.ts'
import { type Descriptor, readSmallBlob } from './blob.ts'
import { type ImageConfig, parseConfig } from './config.ts'
import { blobPath } from './digest.ts'
import { Field } from './document.ts'
import type { Layer } from './layer-stream.ts'
import { isConfig, isIndex, isManifest, layerCompression } from './media-types.ts'
import {
  type IndexEntry,
  isGuestPlatform,
  parseDescriptor,
  parseIndex,
  PLATFORM,
  platformName,
  selectPlatform,
  selectReference,
} from './select.ts'

/** One image of a layout, with its documents read and checked; its layers are not read yet. */
export interface Image {
  readonly layout: string
  /** Digest of the manifest. */
  readonly digest: string
  readonly config: ImageConfig
  /** From the lowest to the highest. */
  readonly layers: readonly Layer[]
}

// An index that lists an index is as deep as tools go.
const MAX_INDEX_DEPTH = 4

/** Finds the image of a reference for the guest's platform; without a reference there must be only one. */
export async function openImage(
  layout: string,
  reference: string | undefined,
  limits: ImageLimits,
  signal?: AbortSignal,
): Promise<Image> {
  await checkLayout(layout, limits)
  const indexPath = join(layout, 'index.json')
  const top = parseIndex(indexPath, await readFixed(layout, 'index.json', limits))
  let entry = selectPlatform(indexPath, selectReference(indexPath, top, reference))
  for (let depth = 0; isIndex(entry.mediaType); depth++) {
    if (depth === MAX_INDEX_DEPTH) throw new MediaTypeUnsupported(entry.digest, entry.mediaType, 'a manifest')
    entry = await descend(layout, entry, limits, signal)
  }
  if (!isManifest(entry.mediaType))
    throw new MediaTypeUnsupported(entry.digest, entry.mediaType, 'a manifest')
  return openManifest(layout, entry, limits, signal)
}

async function checkLayout(layout: string, limits: ImageLimits): Promise<void> {
  const path = join(layout, 'oci-layout')
  const version = Field.parse(path, await readFixed(layout, 'oci-layout', limits)).get('imageLayoutVersion')
  if (!version.string().startsWith('1.')) throw version.invalid('version 1')
}

async function readFixed(layout: string, name: string, limits: ImageLimits): Promise<Buffer> {
  const path = join(layout, name)
  try {
    const status = await stat(path)
    if (!status.isFile()) throw new Error('it is not a file')
    if (status.size > limits.documentBytes)
      throw new LimitExceeded('documentBytes', limits.documentBytes, path)
    return await readFile(path)
  } catch (error) {
    if (error instanceof LimitExceeded) throw error
    throw new LayoutUnreadable(path, error instanceof Error ? error.message : String(error), error)
  }
}

async function descend(
  layout: string,
  entry: IndexEntry,
  limits: ImageLimits,
  signal?: AbortSignal,
): Promise<IndexEntry> {
  const path = blobPath(layout, entry.digest)
  const entries = parseIndex(path, await readSmallBlob(layout, entry, limits.documentBytes, signal))
  return selectPlatform(path, entries)
}

async function openManifest(
  layout: string,
  manifest: Descriptor,
  limits: ImageLimits,
  signal?: AbortSignal,
): Promise<Image> {
  const path = blobPath(layout, manifest.digest)
  const top = Field.parse(path, await readSmallBlob(layout, manifest, limits.documentBytes, signal))
  if (top.get('schemaVersion').count() !== 2) throw top.get('schemaVersion').invalid('2')
  const configDescriptor = parseDescriptor(top.get('config'))
  if (!isConfig(configDescriptor.mediaType)) {
    throw new MediaTypeUnsupported(
      configDescriptor.digest,
      configDescriptor.mediaType,
      'the config of an image',
    )
  }
  const layerFields = top.get('layers').list()
  if (layerFields.length > limits.layers) throw new LimitExceeded('layers', limits.layers, path)
  const configPath = blobPath(layout, configDescriptor.digest)
  const configBytes = await readSmallBlob(layout, configDescriptor, limits.documentBytes, signal)
  const { config, diffIds } = parseConfig(configPath, configBytes)
  if (!isGuestPlatform(config))
    throw new PlatformNotFound(path, platformName(PLATFORM), [platformName(config)])
  if (diffIds.length !== layerFields.length) {
    const expected = `as many entries as the manifest has layers (${layerFields.length})`
    throw Field.parse(configPath, configBytes).get('rootfs').get('diff_ids').invalid(expected)
  }
  const layers = layerFields.map((field, index) => layerOf(parseDescriptor(field), diffIds[index] ?? ''))
  return { layout, digest: manifest.digest, config, layers }
}

function layerOf(descriptor: Descriptor, diffId: string): Layer {
  const compression = layerCompression(descriptor.mediaType)
  if (compression === undefined) {
    throw new MediaTypeUnsupported(descriptor.digest, descriptor.mediaType, 'a layer')
  }
  return { ...descriptor, compression, diffId }
}
