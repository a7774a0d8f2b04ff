import type { Extent } from '../disk/content-store.ts'
import type { Timestamp } from '../tar/pax.ts'

/** What every inode has. */
export interface Attributes {
  /** Permission, set-id and sticky bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtime: Timestamp
  readonly xattrs: ReadonlyMap<string, Buffer>
}

/** An inode; a hard link is the same object in several directories. Names hold bytes, one character each. */
export type Node = Directory | File | Symlink | Device | Fifo

export interface Directory {
  readonly kind: 'directory'
  attributes: Attributes
  readonly children: Map<string, Entry>
}

export interface File {
  readonly kind: 'file'
  readonly attributes: Attributes
  readonly size: number
  /** Where the contents are; null for an empty file. */
  readonly extent: Extent | null
}

export interface Symlink {
  readonly kind: 'symlink'
  readonly attributes: Attributes
  readonly target: string
}

export interface Device {
  readonly kind: 'character' | 'block'
  readonly attributes: Attributes
  readonly major: number
  readonly minor: number
}

export interface Fifo {
  readonly kind: 'fifo'
  readonly attributes: Attributes
}

/** A name in a directory, with the number of the layer that last set it: whiteouts hide lower layers only. */
export interface Entry {
  node: Node
  layer: number
}

const NO_XATTRS: ReadonlyMap<string, Buffer> = new Map()

/** A directory that nothing describes: root's, and from 1970 so that the disk depends on its input alone. */
export function emptyDirectory(mode = 0o755): Directory {
  const mtime = { seconds: 0, nanoseconds: 0 }
  return {
    kind: 'directory',
    attributes: { mode, uid: 0, gid: 0, mtime, xattrs: NO_XATTRS },
    children: new Map(),
  }
}
