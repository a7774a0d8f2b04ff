import { TarInvalid } from './invalid.ts'

/** Archives are made of blocks of this size. */
export const BLOCK = 512

/** One header block. Names are kept as bytes, one character each, for they need not be UTF-8. */
export interface TarHeader {
  readonly name: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: number
  readonly type: string
  readonly linkName: string
  readonly major: number
  readonly minor: number
}

/** Decodes a header block, or returns null for a block of zeros. */
export function parseHeader(block: Buffer): TarHeader | null {
  const unsigned = checksum(block)
  if (unsigned === SPACES && block.every((byte) => byte === 0)) return null
  const stated = number(block, 148, 8, 'checksum')
  if (stated !== unsigned && stated !== signedChecksum(block)) {
    throw new TarInvalid(`a header has checksum ${stated}, its bytes have ${unsigned}`, null)
  }
  return {
    name: prefix(block) + text(block, 0, 100),
    mode: number(block, 100, 8, 'mode'),
    uid: number(block, 108, 8, 'uid'),
    gid: number(block, 116, 8, 'gid'),
    size: number(block, 124, 12, 'size'),
    mtime: number(block, 136, 12, 'mtime'),
    type: block[156] === 0 ? '0' : String.fromCharCode(block[156] ?? 0),
    linkName: text(block, 157, 100),
    ...device(block),
  }
}

/** A numeric field: octal digits, or a big-endian two's complement number behind a set top bit. */
export function number(block: Buffer, offset: number, length: number, field: string): number {
  const bytes = block.subarray(offset, offset + length)
  if (((bytes[0] ?? 0) & 0x80) !== 0) return binary(bytes, field)
  const digits = bytes.toString('latin1').replace(/\0.*$/s, '').trim()
  if (digits === '') return 0
  if (!/^[0-7]+$/.test(digits))
    throw new TarInvalid(`a header has ${JSON.stringify(digits)} as ${field}`, null)
  return Number.parseInt(digits, 8)
}

const SPACES = 8 * 0x20

function checksum(block: Buffer): number {
  let sum = SPACES
  for (let i = 0; i < 148; i++) sum += block[i] ?? 0
  for (let i = 156; i < BLOCK; i++) sum += block[i] ?? 0
  return sum
}

// Some old writers summed signed characters.
function signedChecksum(block: Buffer): number {
  let sum = SPACES
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += block.readInt8(i)
  return sum
}

function binary(bytes: Buffer, field: string): number {
  const negative = bytes[0] === 0xff
  let value = BigInt(negative ? -1 : (bytes[0] ?? 0) & 0x7f)
  for (const byte of bytes.subarray(1)) value = (value << 8n) | BigInt(byte)
  const result = Number(value)
  if (!Number.isSafeInteger(result)) throw new TarInvalid(`a header has ${value} as ${field}`, null)
  return result
}

function text(block: Buffer, offset: number, length: number): string {
  const end = block.indexOf(0, offset)
  return block.toString('latin1', offset, end === -1 ? offset + length : Math.min(end, offset + length))
}

// Only POSIX archives have a prefix; GNU ones keep other fields there, and star's is shorter.
function prefix(block: Buffer): string {
  if (text(block, 257, 6) !== 'ustar' || block[262] !== 0) return ''
  const star = block.toString('latin1', 508, 512) === 'tar\0'
  const value = text(block, 345, star ? 131 : 155)
  return value === '' ? '' : `${value}/`
}

// Archives from before POSIX have no device fields, and other archives leave anything in those of plain files.
function device(block: Buffer): { major: number; minor: number } {
  const isDevice = block[156] === 0x33 || block[156] === 0x34
  if (!isDevice || text(block, 257, 5) !== 'ustar') return { major: 0, minor: 0 }
  return { major: number(block, 329, 8, 'device major'), minor: number(block, 337, 8, 'device minor') }
}
