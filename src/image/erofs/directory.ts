import { BLOCK } from '../disk/block-writer.ts'
import type { Node } from '../tree/node.ts'

/** One name of a directory, as the disk keeps it. */
export interface DirectoryEntry {
  readonly name: string
  readonly nid: number
  readonly kind: Node['kind']
}

const RECORD = 12

const TYPES: Readonly<Record<Node['kind'], number>> = {
  file: 1,
  directory: 2,
  character: 3,
  block: 4,
  fifo: 5,
  symlink: 7,
}

/** The names of a directory in the order of the disk, by byte, with those of itself and its parent. */
export function directoryNames(children: Iterable<string>): string[] {
  // Names hold one byte a character, so that this order is that of their bytes.
  return ['.', '..', ...children].sort()
}

/** Bytes of a directory with these names. */
export function directorySize(names: readonly string[]): number {
  let size = 0
  for (const { end, bytes } of blocksOf(names)) size += end === names.length ? bytes : BLOCK
  return size
}

/** The contents of a directory: blocks of records, each followed by the names that they point at. */
export function encodeDirectory(entries: readonly DirectoryEntry[]): Buffer {
  const names = entries.map(({ name }) => name)
  const bytes = Buffer.alloc(directorySize(names))
  let start = 0
  for (const { first, end } of blocksOf(names)) {
    let nameOffset = (end - first) * RECORD
    entries.slice(first, end).forEach(({ name, nid, kind }, index) => {
      const at = start + index * RECORD
      bytes.writeBigUInt64LE(BigInt(nid), at)
      bytes.writeUInt16LE(nameOffset, at + 8)
      bytes.writeUInt8(TYPES[kind], at + 10)
      bytes.write(name, start + nameOffset, 'latin1')
      nameOffset += name.length
    })
    start += BLOCK
  }
  return bytes
}

// Which names share a block: as many as fit, in order.
function* blocksOf(names: readonly string[]): Generator<{ first: number; end: number; bytes: number }> {
  let first = 0
  let bytes = 0
  for (let index = 0; index < names.length; index++) {
    const needed = RECORD + (names[index] ?? '').length
    if (bytes + needed > BLOCK) {
      yield { first, end: index, bytes }
      first = index
      bytes = 0
    }
    bytes += needed
  }
  yield { first, end: names.length, bytes }
}
