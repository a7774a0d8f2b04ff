import { readFileSync } from 'node:fs'

/** What a disk says about one inode. */
export interface DiskInode {
  readonly nid: number
  readonly kind: 'fifo' | 'character' | 'directory' | 'block' | 'file' | 'symlink'
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtime: bigint
  readonly nanoseconds: number
  readonly links: number
  readonly size: number
  readonly rdev: number
  readonly plain: boolean
  /** Block of the contents. */
  readonly block: number
  readonly content: Buffer
  readonly xattrs: Readonly<Record<string, Buffer>>
}

const KINDS: Readonly<Record<number, DiskInode['kind']>> = {
  1: 'fifo',
  2: 'character',
  4: 'directory',
  6: 'block',
  8: 'file',
  10: 'symlink',
}

const PREFIXES = [
  '',
  'user.',
  'system.posix_acl_access',
  'system.posix_acl_default',
  'trusted.',
  '',
  'security.',
]

/** Reads a whole disk after the format's description, by path; names are one character a byte. */
export function readDisk(path: string): Map<string, DiskInode> {
  const disk = readFileSync(path)
  const metadata = disk.readUInt32LE(1024 + 40) * 4096
  const found = new Map<string, DiskInode>()
  const visit = (nid: number, parent: number, name: string): void => {
    const inode = readInode(disk, metadata, nid)
    found.set(name === '' ? '/' : name, inode)
    if (inode.kind !== 'directory') return
    const names = [...entriesOf(inode.content)]
    for (const [entry, target, type] of names) {
      if (entry === '.' || entry === '..') {
        if (target !== (entry === '.' ? nid : parent))
          throw new Error(`${entry} of ${name} leads to ${target}`)
        continue
      }
      visit(target, nid, `${name}/${entry}`)
      const kind = found.get(`${name}/${entry}`)?.kind
      if (kind !== FILE_TYPES[type]) throw new Error(`${name}/${entry} has type ${type} and is a ${kind}`)
    }
    const order = names.map(([entry]) => entry)
    if (!order.includes('.') || !order.includes('..')) throw new Error(`${name} lacks . or ..`)
    if (order.some((entry, index) => index > 0 && entry <= (order[index - 1] ?? '')))
      throw new Error(`${name}: order`)
  }
  const root = disk.readUInt16LE(1024 + 14)
  visit(root, root, '')
  return found
}

const FILE_TYPES = ['', 'file', 'directory', 'character', 'block', 'fifo', 'socket', 'symlink']

function readInode(disk: Buffer, metadata: number, nid: number): DiskInode {
  const at = metadata + nid * 32
  const format = disk.readUInt16LE(at)
  if ((format & 1) !== 1) throw new Error(`inode ${nid} is not in the long form`)
  const count = disk.readUInt16LE(at + 2)
  const xattrBytes = count === 0 ? 0 : 12 + (count - 1) * 4
  const mode = disk.readUInt16LE(at + 4)
  const size = Number(disk.readBigUInt64LE(at + 8))
  const union = disk.readUInt32LE(at + 16)
  const kind = KINDS[mode >> 12]
  if (kind === undefined) throw new Error(`inode ${nid} has mode ${mode.toString(8)}`)
  const plain = format >> 1 === 0
  return {
    nid,
    kind,
    mode: mode & 0o7777,
    uid: disk.readUInt32LE(at + 24),
    gid: disk.readUInt32LE(at + 28),
    mtime: disk.readBigInt64LE(at + 32),
    nanoseconds: disk.readUInt32LE(at + 40),
    links: disk.readUInt32LE(at + 44),
    size,
    rdev: union,
    plain,
    block: union,
    content: contentOf(disk, { plain, size, union, kind, tail: at + 64 + xattrBytes }),
    xattrs: xattrsOf(disk.subarray(at + 64, at + 64 + xattrBytes)),
  }
}

function contentOf(
  disk: Buffer,
  {
    plain,
    size,
    union,
    kind,
    tail,
  }: { plain: boolean; size: number; union: number; kind: string; tail: number },
): Buffer {
  if (kind !== 'file' && kind !== 'directory' && kind !== 'symlink') return Buffer.alloc(0)
  const start = union * 4096
  if (plain) return disk.subarray(start, start + size)
  const inline = size % 4096
  if ((tail % 4096) + inline > 4096) throw new Error('inline contents cross a block')
  return Buffer.concat([disk.subarray(start, start + size - inline), disk.subarray(tail, tail + inline)])
}

function* entriesOf(content: Buffer): Generator<readonly [name: string, nid: number, type: number]> {
  for (let start = 0; start < content.length; start += 4096) {
    const block = content.subarray(start, start + 4096)
    const count = block.readUInt16LE(8) / 12
    for (let i = 0; i < count; i++) {
      const from = block.readUInt16LE(i * 12 + 8)
      const next = i + 1 < count ? block.readUInt16LE(i * 12 + 20) : block.length
      const name = block.toString('latin1', from, next).replace(/\0.*$/s, '')
      yield [name, Number(block.readBigUInt64LE(i * 12)), block.readUInt8(i * 12 + 10)]
    }
  }
}

function xattrsOf(bytes: Buffer): Record<string, Buffer> {
  const xattrs: Record<string, Buffer> = {}
  for (let at = 12; at < bytes.length;) {
    const [nameLength = 0, index = 0] = bytes.subarray(at)
    const valueLength = bytes.readUInt16LE(at + 2)
    const name = `${PREFIXES[index]}${bytes.toString('latin1', at + 4, at + 4 + nameLength)}`
    xattrs[name] = bytes.subarray(at + 4 + nameLength, at + 4 + nameLength + valueLength)
    at += Math.ceil((4 + nameLength + valueLength) / 4) * 4
  }
  return xattrs
}
