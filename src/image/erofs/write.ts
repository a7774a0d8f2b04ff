import { BLOCK, type BlockWriter } from '../disk/block-writer.ts'
import type { Pace } from '../pace.ts'
import type { Directory, Node } from '../tree/node.ts'
import { directoryNames, encodeDirectory } from './directory.ts'
import { INODE, type Plan, planInodes, type PlannedInode } from './plan.ts'
import { encodeSuperblock } from './superblock.ts'
import { encodeXattrs, xattrCount } from './xattrs.ts'

/** What a file system is made of beside its tree. */
export interface ErofsOptions {
  readonly uuid: Buffer
  /** Seconds since 1970. */
  readonly buildTime: number
  readonly pace: Pace
}

/**
 * The size of a disk is a multiple of this: Linux maps persistent memory with
 * struct pages, which DAX needs, in sections of 2 MiB only (drivers/nvdimm/namespace_devs.c).
 */
export const DISK_UNIT = 2 * 2 ** 20

const LAYOUT_PLAIN = 0
const LAYOUT_INLINE = 2
const LONG_FORM = 1
const NO_BLOCK = 0xffff_ffff

const KIND_BITS: Readonly<Record<Node['kind'], number>> = {
  fifo: 0o010000,
  character: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
}

/** Completes a file system whose file contents the writer has stored from the second block on; returns its size. */
export async function writeErofs(
  writer: BlockWriter,
  root: Directory,
  options: ErofsOptions,
): Promise<number> {
  const { pace } = options
  const plan = await planInodes(root, pace)
  const contentBlock = writer.position / BLOCK
  for (const inode of plan.inodes) {
    if (pace.due) await pace.pause()
    if (inode.node.kind === 'file') continue
    const contents = contentsOf(inode, plan)
    await writer.write(
      contents.subarray(0, inode.inline ? contents.length - (contents.length % BLOCK) : undefined),
    )
    await writer.align()
  }
  const metadataBlock = writer.position / BLOCK
  for (const inode of plan.inodes) {
    if (pace.due) await pace.pause()
    await writer.skip(metadataBlock * BLOCK + inode.nid * 32 - writer.position)
    await writer.write(encodeInode(inode, plan, contentBlock))
  }
  const blocks = Math.ceil(writer.position / BLOCK)
  const superblock = {
    uuid: options.uuid,
    inodes: plan.inodes.length,
    blocks,
    metadataBlock,
    rootNid: plan.inodes[0]?.nid ?? 0,
    buildTime: options.buildTime,
  }
  await writer.writeAt(0, encodeSuperblock(superblock))
  const size = diskSize(blocks)
  await writer.finish(size)
  return size
}

/** The size of a disk with so many blocks in use. */
export function diskSize(blocks: number): number {
  return Math.ceil((blocks * BLOCK) / DISK_UNIT) * DISK_UNIT
}

// The inode, its extended attributes and its inline contents.
function encodeInode(inode: PlannedInode, plan: Plan, contentBlock: number): Buffer {
  const { node, serial, size, inline, links } = inode
  const { mode, uid, gid, mtime, xattrs } = node.attributes
  const xattrBytes = encodeXattrs(xattrs)
  const bytes = Buffer.alloc(INODE)
  bytes.writeUInt16LE(LONG_FORM | ((inline ? LAYOUT_INLINE : LAYOUT_PLAIN) << 1), 0)
  bytes.writeUInt16LE(xattrCount(xattrBytes.length), 2)
  bytes.writeUInt16LE(KIND_BITS[node.kind] | mode, 4)
  bytes.writeBigUInt64LE(BigInt(size), 8)
  bytes.writeUInt32LE(location(inode, contentBlock), 16)
  bytes.writeUInt32LE(serial, 20)
  bytes.writeUInt32LE(uid, 24)
  bytes.writeUInt32LE(gid, 28)
  bytes.writeBigInt64LE(BigInt(mtime.seconds), 32)
  bytes.writeUInt32LE(mtime.nanoseconds, 40)
  bytes.writeUInt32LE(links, 44)
  if (!inline) return Buffer.concat([bytes, xattrBytes])
  const contents = contentsOf(inode, plan)
  return Buffer.concat([bytes, xattrBytes, contents.subarray(contents.length - (contents.length % BLOCK))])
}

// The field that says where contents begin, or which device it is.
function location({ node, size, inline, contentBlock }: PlannedInode, firstContentBlock: number): number {
  switch (node.kind) {
    case 'file':
      return node.extent === null ? NO_BLOCK : node.extent.offset / BLOCK
    case 'directory':
    case 'symlink':
      return inline && size < BLOCK ? NO_BLOCK : firstContentBlock + contentBlock
    case 'character':
    case 'block':
      return ((node.minor & 0xff) | (node.major << 8) | ((node.minor & ~0xff) << 12)) >>> 0
    case 'fifo':
      return 0
  }
}

function contentsOf({ node, parent }: PlannedInode, { byNode }: Plan): Buffer {
  if (node.kind === 'symlink') return Buffer.from(node.target, 'latin1')
  if (node.kind !== 'directory') return Buffer.alloc(0)
  const entries = directoryNames(node.children.keys()).flatMap((name) => {
    const target = name === '.' ? node : name === '..' ? parent : node.children.get(name)?.node
    const planned = target === undefined ? undefined : byNode.get(target)
    return planned === undefined ? [] : [{ name, nid: planned.nid, kind: planned.node.kind }]
  })
  return encodeDirectory(entries)
}
