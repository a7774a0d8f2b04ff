import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'

/** Runs a test with a folder of its own, which goes afterwards. */
export async function withFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'actovisor-image-'))
  try {
    return await body(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export interface LayoutOptions {
  readonly compression?: 'none' | 'gzip' | 'zstd'
  readonly docker?: boolean
  readonly config?: Record<string, unknown>
  readonly platform?: { os: string; architecture: string; variant?: string } | null
  readonly diffIds?: readonly string[]
}

export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

/** Stores a blob of a layout and returns its descriptor. */
export function putBlob(folder: string, mediaType: string, bytes: Buffer): Descriptor {
  const hex = createHash('sha256').update(bytes).digest('hex')
  mkdirSync(join(folder, 'blobs', 'sha256'), { recursive: true })
  writeFileSync(join(folder, 'blobs', 'sha256', hex), bytes)
  return { mediaType, digest: `sha256:${hex}`, size: bytes.length }
}

export function blobFile(folder: string, digest: string): string {
  return join(folder, 'blobs', ...digest.split(':'))
}

/** Stores an image with these layers and returns the descriptor of its manifest. */
export function putImage(folder: string, layers: readonly Buffer[], options: LayoutOptions = {}): Descriptor {
  const types = options.docker ? DOCKER : OCI
  const compression = options.compression ?? 'none'
  const descriptors = layers.map((layer) =>
    putBlob(folder, types.layer[compression], pack(layer, compression)),
  )
  const config = {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: options.diffIds ?? layers.map(digestOf) },
    ...options.config,
  }
  const manifest = {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: putBlob(folder, types.config, json(config)),
    layers: descriptors,
  }
  return putBlob(folder, types.manifest, json(manifest))
}

/** Completes a layout with an index of these entries. */
export function putIndex(folder: string, manifests: readonly object[]): void {
  writeFileSync(join(folder, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }))
  writeFileSync(join(folder, 'index.json'), json({ schemaVersion: 2, manifests }))
}

/** A layout with one image; returns the digest of its manifest. */
export function putLayout(folder: string, layers: readonly Buffer[], options: LayoutOptions = {}): string {
  mkdirSync(folder, { recursive: true })
  const manifest = putImage(folder, layers, options)
  const platform = options.platform === undefined ? { os: 'linux', architecture: 'amd64' } : options.platform
  putIndex(folder, [platform === null ? manifest : { ...manifest, platform }])
  return manifest.digest
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

export function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}

function pack(layer: Buffer, compression: 'none' | 'gzip' | 'zstd'): Buffer {
  if (compression === 'gzip') return gzipSync(layer)
  return compression === 'zstd' ? zstdCompressSync(layer) : layer
}

const OCI = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: {
    none: 'application/vnd.oci.image.layer.v1.tar',
    gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
    zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  },
}

const DOCKER = {
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  config: 'application/vnd.docker.container.image.v1+json',
  layer: {
    none: 'application/vnd.docker.image.rootfs.diff.tar',
    gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
    zstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
  },
}
