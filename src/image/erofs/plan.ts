import { BLOCK } from '../disk/block-writer.ts'
import type { Pace } from '../pace.ts'
import type { Directory, Node } from '../tree/node.ts'
import { directoryNames, directorySize } from './directory.ts'
import { encodeXattrs } from './xattrs.ts'

/** Where an inode and what belongs to it will lie. */
export interface PlannedInode {
  readonly node: Node
  readonly nid: number
  /** Position in the plan, from 1: the number that 32-bit programs see. */
  readonly serial: number
  readonly xattrBytes: number
  /** Bytes of contents: of a file, of a directory's records, of a link's target. */
  readonly size: number
  /** Whether the last part of the contents follows the inode rather than lying in a block of its own. */
  readonly inline: boolean
  /** First whole block of contents of a directory or link, counted from the first such block. */
  readonly contentBlock: number
  readonly parent: Directory
  links: number
}

export interface Plan {
  /** In the order of the disk, the root first. */
  readonly inodes: readonly PlannedInode[]
  readonly byNode: ReadonlyMap<Node, PlannedInode>
  /** Blocks that directories and links take beside the inodes. */
  readonly contentBlocks: number
}

/** Bytes of an inode in its long form, which has 32-bit owners and a time of its own. */
export const INODE = 64

const NID_UNIT = 32

// The first slot stays empty, since inode number zero means "none" to many programs.
const FIRST = INODE

/** Gives every inode below `root` its place: parents before children, names in order. */
export async function planInodes(root: Directory, pace: Pace): Promise<Plan> {
  const inodes: PlannedInode[] = []
  const byNode = new Map<Node, PlannedInode>()
  let position = FIRST
  let contentBlocks = 0
  const todo: { node: Node; parent: Directory }[] = [{ node: root, parent: root }]
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (pace.due) await pace.pause()
    const { node, parent } = next
    const known = byNode.get(node)
    if (known !== undefined) {
      known.links++
      continue
    }
    const names = node.kind === 'directory' ? directoryNames(node.children.keys()) : []
    const size = contentSize(node, names)
    const xattrBytes = encodeXattrs(node.attributes.xattrs).length
    const tail = node.kind === 'file' ? 0 : size % BLOCK
    const inline = tail > 0 && INODE + xattrBytes + tail <= BLOCK
    const bytes = INODE + xattrBytes + (inline ? tail : 0)
    const start = place(position, bytes)
    const planned: PlannedInode = {
      node,
      nid: start / NID_UNIT,
      serial: inodes.length + 1,
      xattrBytes,
      size,
      inline,
      contentBlock: contentBlocks,
      parent,
      links: node.kind === 'directory' ? 2 : 1,
    }
    position = start + bytes
    if (node.kind === 'directory' || node.kind === 'symlink') {
      contentBlocks += inline ? Math.floor(size / BLOCK) : Math.ceil(size / BLOCK)
    }
    inodes.push(planned)
    byNode.set(node, planned)
    if (node.kind === 'directory') {
      const up = byNode.get(parent)
      if (up !== undefined && node !== root) up.links++
      // Last first, since the stack turns the order round.
      for (const name of names.toReversed()) {
        const child = node.children.get(name)
        if (child !== undefined) todo.push({ node: child.node, parent: node })
      }
    }
  }
  return { inodes, byNode, contentBlocks }
}

// An inode with what follows it lies within one block where it can: inline contents must, and a lookup reads less.
function place(position: number, bytes: number): number {
  const start = Math.ceil(position / INODE) * INODE
  const room = BLOCK - (start % BLOCK)
  return bytes <= room ? start : Math.ceil(start / BLOCK) * BLOCK
}

function contentSize(node: Node, names: readonly string[]): number {
  switch (node.kind) {
    case 'file':
      return node.size
    case 'directory':
      return directorySize(names)
    case 'symlink':
      return node.target.length
    default:
      return 0
  }
}
