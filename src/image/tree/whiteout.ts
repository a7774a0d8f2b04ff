import type { Directory } from './node.ts'
import { EntryInvalid } from './entry-invalid.ts'

const PREFIX = '.wh.'
const OPAQUE = '.wh..wh..opq'
const AUFS = '.wh..wh.'

/** What the name of an entry says about lower layers. */
export type Whiteout =
  | { readonly kind: 'none' }
  /** Bookkeeping of aufs, with no meaning in an image. */
  | { readonly kind: 'ignored' }
  | { readonly kind: 'opaque' }
  | { readonly kind: 'hide'; readonly name: string }

export function whiteoutOf(base: string): Whiteout {
  if (!base.startsWith(PREFIX)) return { kind: 'none' }
  if (base === OPAQUE) return { kind: 'opaque' }
  if (base.startsWith(AUFS)) return { kind: 'ignored' }
  const name = base.slice(PREFIX.length)
  if (name === '' || name === '.' || name === '..') throw new EntryInvalid('the whiteout names no file')
  return { kind: 'hide', name }
}

/** Removes a name as lower layers left it; what `layer` itself has put there stays. */
export function hide(parent: Directory, name: string, layer: number): void {
  const entry = parent.children.get(name)
  if (entry === undefined) return
  if (entry.node.kind === 'directory') hideChildren(entry.node, layer)
  const empty = entry.node.kind !== 'directory' || entry.node.children.size === 0
  if (entry.layer < layer && empty) parent.children.delete(name)
}

/** Removes what lower layers put into a directory. */
export function hideChildren(directory: Directory, layer: number): void {
  for (const name of directory.children.keys()) hide(directory, name, layer)
}
