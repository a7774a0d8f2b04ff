import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { ExtraInvalid, isImageError, throwIfAborted } from '../errors.ts'
import type { ImageLimits } from '../limits.ts'
import type { ContentStore, Extent } from './content-store.ts'
import { type Directory, emptyDirectory } from '../tree/node.ts'
import { findDirectory, makeDirectories, treePath } from '../tree/resolve.ts'

/** Something put on top of an image; root's, with times of 1970. */
export type Extra =
  /** A copy of a file of the host. What the image has at the path, or in the way of it, goes. */
  | { readonly kind: 'file'; readonly path: string; readonly source: string; readonly mode: number }
  /** An empty directory. What the image has at the path, or in the way of it, goes. */
  | { readonly kind: 'directory'; readonly path: string; readonly mode: number }
  /** A directory to mount on: made only where the image has none, links followed. */
  | { readonly kind: 'mount-point'; readonly path: string; readonly mode: number }

/** An extra whose source was measured; the disk takes exactly these bytes or fails. */
export type MeasuredExtra =
  | (Extract<Extra, { kind: 'file' }> & { readonly size: number; readonly sha256: string })
  | Exclude<Extra, { kind: 'file' }>

/** What every guest needs: the agent as its first program, and places to mount on. */
export function guestExtras(agentPath: string): Extra[] {
  return [
    { kind: 'directory', path: '/.actovisor', mode: 0o755 },
    { kind: 'file', path: '/.actovisor/init', source: agentPath, mode: 0o755 },
    { kind: 'directory', path: '/.actovisor/lower', mode: 0o755 },
    { kind: 'directory', path: '/.actovisor/upper', mode: 0o755 },
    { kind: 'directory', path: '/.actovisor/root', mode: 0o755 },
    { kind: 'mount-point', path: '/dev', mode: 0o755 },
    { kind: 'mount-point', path: '/proc', mode: 0o555 },
    { kind: 'mount-point', path: '/sys', mode: 0o555 },
    { kind: 'mount-point', path: '/run', mode: 0o755 },
    { kind: 'mount-point', path: '/tmp', mode: 0o1777 },
  ]
}

/** Reads the sources once, for the identity of the disk. */
export async function measureExtras(
  extras: readonly Extra[],
  signal?: AbortSignal,
): Promise<MeasuredExtra[]> {
  const measured: MeasuredExtra[] = []
  for (const extra of extras) {
    if (extra.kind !== 'file') {
      measured.push(extra)
      continue
    }
    const hash = createHash('sha256')
    let size = 0
    for await (const chunk of readSource(extra.source, signal)) {
      hash.update(chunk)
      size += chunk.length
    }
    measured.push({ ...extra, size, sha256: hash.digest('hex') })
  }
  return measured
}

/** Puts extras on the tree as its last layer. */
export async function applyExtras(
  root: Directory,
  contents: ContentStore,
  extras: readonly MeasuredExtra[],
  layer: number,
  limits: ImageLimits,
  signal?: AbortSignal,
): Promise<void> {
  for (const extra of extras) {
    throwIfAborted(signal)
    const { directories, base } = treePath(extra.path, limits)
    if (base === null) throw new ExtraInvalid(extra.path, 'it is the root itself')
    if (extra.kind === 'mount-point') {
      if (findDirectory(root, [...directories, base], limits) === null) {
        const parent = makeDirectories(root, directories, layer, limits)
        parent.children.set(base, { node: emptyDirectory(extra.mode), layer })
      }
      continue
    }
    const parent = ownDirectories(root, directories, layer)
    const node =
      extra.kind === 'directory' ? emptyDirectory(extra.mode) : await copyOf(extra, contents, signal)
    parent.children.set(base, { node, layer })
  }
}

// No link of the image leads an extra elsewhere.
function ownDirectories(root: Directory, directories: readonly string[], layer: number): Directory {
  let here = root
  for (const name of directories) {
    const node = here.children.get(name)?.node
    const next = node?.kind === 'directory' ? node : emptyDirectory()
    if (next !== node) here.children.set(name, { node: next, layer })
    here = next
  }
  return here
}

async function copyOf(
  extra: Extract<MeasuredExtra, { kind: 'file' }>,
  contents: ContentStore,
  signal: AbortSignal | undefined,
): Promise<{ kind: 'file'; attributes: Directory['attributes']; size: number; extent: Extent | null }> {
  const hash = createHash('sha256')
  const extent = await contents.add(checked(), extra.size, null)
  return { kind: 'file', attributes: emptyDirectory(extra.mode).attributes, size: extra.size, extent }

  async function* checked(): AsyncGenerator<Buffer> {
    let size = 0
    for await (const chunk of readSource(extra.source, signal)) {
      hash.update(chunk)
      size += chunk.length
      if (size > extra.size) break
      yield chunk
    }
    if (size !== extra.size || hash.digest('hex') !== extra.sha256) {
      throw new ExtraInvalid(extra.path, `${extra.source} changed while the disk was made; try again`)
    }
  }
}

async function* readSource(source: string, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  try {
    if (!(await stat(source)).isFile()) throw new Error('it is not a file')
    for await (const chunk of createReadStream(source, { highWaterMark: 1 << 20 })) {
      throwIfAborted(signal)
      if (Buffer.isBuffer(chunk)) yield chunk
    }
  } catch (error) {
    if (isImageError(error)) throw error
    throw new ExtraInvalid(source, error instanceof Error ? error.message : String(error), error)
  }
}
