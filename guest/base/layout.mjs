import { createHash } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const TYPES = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  // Not compressed: the layer is read on each change of the agent, and packed bytes differ between versions of zlib.
  layer: 'application/vnd.oci.image.layer.v1.tar',
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * Writes an OCI image layout with one image of one layer; returns the digest of its manifest.
 * @param {string} output
 * @param {{ archive: Buffer, created: number, packages: readonly { name: string, version: string }[] }} image
 */
export function writeLayout(output, { archive, created, packages }) {
  rmSync(output, { recursive: true, force: true })
  const blobs = join(output, 'blobs', 'sha256')
  mkdirSync(blobs, { recursive: true })
  const put = (/** @type {string} */ mediaType, /** @type {Buffer} */ bytes) => {
    const hex = createHash('sha256').update(bytes).digest('hex')
    writeFileSync(join(blobs, hex), bytes)
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length }
  }
  const layer = put(TYPES.layer, archive)
  const config = put(
    TYPES.config,
    json({
      created: new Date(created * 1000).toISOString(),
      architecture: 'amd64',
      os: 'linux',
      config: {
        Env: [`PATH=${PATH}`],
        Cmd: ['/bin/sh'],
        WorkingDir: '/',
        Labels: {
          'org.opencontainers.image.title': 'actovisor-base',
          'org.opencontainers.image.description': 'The image a guest gets when none is named.',
          'actovisor.debian-packages': packages.map(({ name, version }) => `${name}=${version}`).join(' '),
        },
      },
      rootfs: { type: 'layers', diff_ids: [layer.digest] },
      history: [{ created: new Date(created * 1000).toISOString(), created_by: 'guest/base/build.mjs' }],
    }),
  )
  const manifest = put(
    TYPES.manifest,
    json({ schemaVersion: 2, mediaType: TYPES.manifest, config, layers: [layer] }),
  )
  const entry = {
    ...manifest,
    platform: { architecture: 'amd64', os: 'linux' },
    annotations: { 'org.opencontainers.image.ref.name': 'base' },
  }
  writeFileSync(
    join(output, 'index.json'),
    json({ schemaVersion: 2, mediaType: TYPES.index, manifests: [entry] }),
  )
  writeFileSync(join(output, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }))
  return manifest.digest
}

/** @param {unknown} value */
function json(value) {
  return Buffer.from(JSON.stringify(value))
}
