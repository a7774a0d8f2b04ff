import { LayerInvalid, LimitExceeded } from '../errors.ts'
import type { ContentStore } from '../disk/content-store.ts'
import { encodeXattrs } from '../erofs/xattrs.ts'
import type { ImageLimits } from '../limits.ts'
import type { Pace } from '../pace.ts'
import { printable, TarInvalid } from '../tar/invalid.ts'
import type { TarEntry } from '../tar/reader.ts'
import type { Attributes, Directory, Node } from './node.ts'
import { EntryInvalid } from './entry-invalid.ts'
import { findDirectory, findNode, makeDirectories, treePath } from './resolve.ts'
import { hide, hideChildren, whiteoutOf } from './whiteout.ts'

/** What applying layers needs and counts. */
export interface LayerContext {
  readonly root: Directory
  readonly contents: ContentStore
  readonly limits: ImageLimits
  readonly pace: Pace
  /** Entries of all layers so far. */
  entries: number
}

/** Puts the entries of one layer on top of the tree; later layers have higher numbers. */
export async function applyLayer(
  context: LayerContext,
  entries: AsyncIterable<TarEntry>,
  layer: number,
  digest: string,
): Promise<void> {
  const { limits, pace } = context
  let current: TarEntry | null = null
  try {
    for await (const entry of entries) {
      if (pace.due) await pace.pause()
      current = entry
      if (++context.entries > limits.entries)
        throw new LimitExceeded('entries', limits.entries, `layer ${digest}`)
      await applyEntry(context, entry, layer)
      current = null
    }
  } catch (error) {
    const name = current === null ? null : printable(current.name)
    if (error instanceof TarInvalid) throw new LayerInvalid(digest, error.entry ?? name, error.message, error)
    if (error instanceof EntryInvalid) throw new LayerInvalid(digest, name, error.message, error)
    throw error
  }
}

async function applyEntry(context: LayerContext, entry: TarEntry, layer: number): Promise<void> {
  const { root, limits } = context
  const path = treePath(entry.name, limits)
  if (path.base === null) {
    if (entry.type !== 'directory') throw new EntryInvalid('only a directory can be the root')
    root.attributes = attributesOf(entry)
    return
  }
  const whiteout = whiteoutOf(path.base)
  if (whiteout.kind === 'ignored') return
  if (whiteout.kind !== 'none') {
    const directory = findDirectory(root, path.directories, limits)
    if (directory === null) return
    if (whiteout.kind === 'opaque') hideChildren(directory, layer)
    else hide(directory, whiteout.name, layer)
    return
  }
  const node = await nodeOf(context, entry)
  place(makeDirectories(root, path.directories, layer, limits), path.base, node, layer)
}

// A directory over a directory changes what describes it and keeps what is in it; all else replaces.
function place(parent: Directory, base: string, node: Node, layer: number): void {
  const entry = parent.children.get(base)
  if (entry === undefined) {
    parent.children.set(base, { node, layer })
    return
  }
  if (entry.node.kind === 'directory' && node.kind === 'directory') entry.node.attributes = node.attributes
  else entry.node = node
  entry.layer = layer
}

async function nodeOf(context: LayerContext, entry: TarEntry): Promise<Node> {
  const { root, contents, limits } = context
  const attributes = attributesOf(entry)
  switch (entry.type) {
    case 'directory':
      return { kind: 'directory', attributes, children: new Map() }
    case 'file': {
      const { size } = entry
      return {
        kind: 'file',
        attributes,
        size,
        extent: await contents.add(entry.content, size, entry.segments),
      }
    }
    case 'symlink': {
      const target = linkName(entry, limits)
      return { kind: 'symlink', attributes, target }
    }
    case 'hardlink': {
      const target = findNode(root, treePath(linkName(entry, limits), limits), limits)
      if (target === null)
        throw new EntryInvalid(`its link target ${printable(entry.linkName)} does not exist`)
      if (target.kind === 'directory') {
        throw new EntryInvalid(`its link target ${printable(entry.linkName)} is a directory`)
      }
      return target
    }
    case 'character':
    case 'block': {
      const { major, minor } = entry
      if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff) {
        throw new EntryInvalid(`device number ${major}:${minor} is out of range`)
      }
      return { kind: entry.type, attributes, major, minor }
    }
    case 'fifo':
      return { kind: 'fifo', attributes }
  }
}

function linkName(entry: TarEntry, limits: ImageLimits): string {
  if (entry.linkName === '') throw new EntryInvalid('it is a link without a target')
  if (entry.linkName.length > limits.linkBytes) {
    throw new LimitExceeded('linkBytes', limits.linkBytes, `the link ${printable(entry.name)}`)
  }
  return entry.linkName
}

function attributesOf({ mode, uid, gid, mtime, xattrs }: TarEntry): Attributes {
  encodeXattrs(xattrs) // refuses here, where the entry is known, what the disk cannot hold
  return { mode, uid, gid, mtime, xattrs }
}
