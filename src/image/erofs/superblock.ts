import { BLOCK } from '../disk/block-writer.ts'
import { crc32c } from './crc32c.ts'

/** The fields of the superblock that are not the same for every disk. */
export interface Superblock {
  readonly uuid: Buffer
  /** Inodes, each counted once. */
  readonly inodes: number
  /** Blocks in use, this one included. */
  readonly blocks: number
  /** Block at which inode numbers count from zero. */
  readonly metadataBlock: number
  readonly rootNid: number
  /** Seconds since 1970. */
  readonly buildTime: number
}

const OFFSET = 1024
const MAGIC = 0xe0f5_e1e2
const BLOCK_BITS = 12
const COMPAT_CHECKSUM = 1
// The time of an inode is the file's modification time.
const COMPAT_MTIME = 2

/** The first block of the disk; layout: fs/erofs/erofs_fs.h of Linux. */
export function encodeSuperblock(superblock: Superblock): Buffer {
  const block = Buffer.alloc(BLOCK)
  const at = block.subarray(OFFSET)
  at.writeUInt32LE(MAGIC, 0)
  at.writeUInt32LE(COMPAT_CHECKSUM | COMPAT_MTIME, 8)
  at.writeUInt8(BLOCK_BITS, 12)
  at.writeUInt16LE(superblock.rootNid, 14)
  at.writeBigUInt64LE(BigInt(superblock.inodes), 16)
  at.writeBigInt64LE(BigInt(superblock.buildTime), 24)
  at.writeUInt32LE(superblock.blocks, 36)
  at.writeUInt32LE(superblock.metadataBlock, 40)
  superblock.uuid.copy(at, 48, 0, 16)
  at.writeUInt32LE(crc32c(at), 4)
  return block
}

/** Decodes a first block as written above; null when it is anything else. */
export function decodeSuperblock(block: Buffer): Superblock | null {
  if (block.length < BLOCK) return null
  const at = Buffer.from(block.subarray(OFFSET, BLOCK))
  const checksum = at.readUInt32LE(4)
  at.writeUInt32LE(0, 4)
  if (at.readUInt32LE(0) !== MAGIC || at.readUInt8(12) !== BLOCK_BITS || crc32c(at) !== checksum) return null
  return {
    uuid: at.subarray(48, 64),
    inodes: Number(at.readBigUInt64LE(16)),
    blocks: at.readUInt32LE(36),
    metadataBlock: at.readUInt32LE(40),
    rootNid: at.readUInt16LE(14),
    buildTime: Number(at.readBigInt64LE(24)),
  }
}
