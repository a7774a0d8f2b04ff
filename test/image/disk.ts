import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import type { Result } from 'neverthrow'
import { buildRootDisk, type BuildOptions, type ImageError } from '../../src/image/index.ts'
import type { ArchiveEntry } from './archive.ts'
import { archive } from './archive.ts'
import { type DiskInode, readDisk } from './erofs-reader.ts'
import { type LayoutOptions, putLayout, withFolder } from './folder.ts'

/** Builds a disk of layers and reads it back. */
export async function diskOf(
  layers: readonly (readonly ArchiveEntry[])[],
  options: LayoutOptions & Partial<BuildOptions> = {},
): Promise<Map<string, DiskInode>> {
  return withFolder(async (folder) => {
    const layout = join(folder, 'layout')
    putLayout(
      layout,
      layers.map((entries) => archive(entries)),
      options,
    )
    const built = await buildRootDisk({ extras: [], ...options, layout, output: join(folder, 'disk') })
    return readDisk(valueOf(built).path)
  })
}

/** The error of building a disk of one raw layer; fails when there is none. */
export async function errorOf(
  layer: Buffer,
  options: LayoutOptions & Partial<BuildOptions> = {},
): Promise<ImageError> {
  return withFolder(async (folder) => {
    putLayout(folder, [layer], options)
    const built = await buildRootDisk({
      extras: [],
      ...options,
      layout: folder,
      output: join(folder, 'disk'),
    })
    if (built.isOk()) throw new Error('the disk was made')
    return built.error
  })
}

/** The value of a result; throws its error. */
export function valueOf<T>(result: Result<T, ImageError>): T {
  return result.match(
    (value) => value,
    (error) => {
      throw error
    },
  )
}

const FSCK = '/usr/bin/fsck.erofs'

/** Why the checker of erofs-utils cannot be used, or null when it can. */
export function fsckMissing(): string | null {
  return existsSync(FSCK) ? null : 'the Debian package erofs-utils is not installed'
}

/** Runs the checker of erofs-utils; throws what it complains about. */
export function fsck(disk: string, ...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(FSCK, [...args, disk], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`fsck.erofs: ${stdout}${stderr}`)
}
