import { EntryInvalid } from '../tree/entry-invalid.ts'

// Names are stored as a number for the part before and the rest; what has no number Linux would not hold either.
const PREFIXES: readonly (readonly [string, number])[] = [
  ['user.', 1],
  ['system.posix_acl_access', 2],
  ['system.posix_acl_default', 3],
  ['trusted.', 4],
  ['security.', 6],
]

const HEADER = 12
const UNIT = 4
const MAX_NAME = 255
const MAX_VALUE = 0xffff
// The 16-bit count of units in the inode.
const MAX_BYTES = HEADER + (0xffff - 1) * UNIT

/** The extended attributes of an inode as they follow it on the disk; empty when it has none. */
export function encodeXattrs(xattrs: ReadonlyMap<string, Buffer>): Buffer {
  if (xattrs.size === 0) return Buffer.alloc(0)
  const entries: Buffer[] = []
  for (const name of [...xattrs.keys()].sort()) {
    const prefix = PREFIXES.find(([text]) => (text.endsWith('.') ? name.startsWith(text) : name === text))
    const value = xattrs.get(name)
    if (prefix !== undefined && value !== undefined) {
      entries.push(encodeEntry(prefix[1], name.slice(prefix[0].length), value))
    }
  }
  if (entries.length === 0) return Buffer.alloc(0)
  const bytes = Buffer.concat([Buffer.alloc(HEADER), ...entries])
  if (bytes.length > MAX_BYTES) throw new EntryInvalid(`its extended attributes take ${bytes.length} bytes`)
  return bytes
}

/** The count that the inode keeps of their bytes. */
export function xattrCount(bytes: number): number {
  return bytes === 0 ? 0 : (bytes - HEADER) / UNIT + 1
}

function encodeEntry(index: number, suffix: string, value: Buffer): Buffer {
  if (suffix.length > MAX_NAME || value.length > MAX_VALUE) {
    throw new EntryInvalid(
      `an extended attribute has a name of ${suffix.length} and a value of ${value.length} bytes`,
    )
  }
  const bytes = Buffer.alloc(Math.ceil((UNIT + suffix.length + value.length) / UNIT) * UNIT)
  bytes.writeUInt8(suffix.length, 0)
  bytes.writeUInt8(index, 1)
  bytes.writeUInt16LE(value.length, 2)
  bytes.write(suffix, UNIT, 'latin1')
  value.copy(bytes, UNIT + suffix.length)
  return bytes
}
