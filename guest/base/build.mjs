import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { assemble } from './assemble.mjs'
import { fetchPackages } from './debian.mjs'
import { writeLayout } from './layout.mjs'

/** Files that decide what the image is, beside this one. */
export const inputs = [
  'guest/base/assemble.mjs',
  'guest/base/debian.mjs',
  'guest/base/files.mjs',
  'guest/base/layout.mjs',
  'guest/base/tar.mjs',
]

/** Debian packages that the host needs: the checker of the disks that the tests make. */
export const packages = ['erofs-utils']

/** Debian packages that the image is made from. */
export const imagePackages = [
  'base-passwd',
  'bash-static',
  'busybox-static',
  'ca-certificates',
  'netbase',
  'tzdata',
]

/**
 * Makes the base image as an OCI image layout directory; works without root, and the
 * same packages give the same bytes.
 * @param {{ output: string, workDir: string, log: (line: string) => void, signal?: AbortSignal }} options
 * @returns {Promise<{ digest: string, layerBytes: number }>}
 */
export async function build({ output, workDir, log, signal }) {
  const unpacked = join(workDir, 'unpacked')
  rmSync(unpacked, { recursive: true, force: true })
  mkdirSync(unpacked, { recursive: true })
  const fetched = await fetchPackages({
    names: imagePackages,
    debs: join(workDir, 'debs'),
    unpacked,
    log,
    ...(signal && { signal }),
  })
  const { archive, created } = await assemble(unpacked, imagePackages)
  log(`layer of ${archive.length} bytes`)
  const digest = writeLayout(output, { archive, created, packages: fetched })
  rmSync(unpacked, { recursive: true, force: true })
  return { digest, layerBytes: archive.length }
}
