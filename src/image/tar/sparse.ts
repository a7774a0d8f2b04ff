import type { ByteReader } from './byte-reader.ts'
import { BLOCK, number } from './header.ts'
import { TarInvalid } from './invalid.ts'
import { decimal, paxNumber, paxText, type PaxRecords } from './pax.ts'

/** A run of bytes of a sparse file that the archive stores. */
export interface Segment {
  readonly offset: number
  readonly length: number
}

/** A sparse file: its stored runs, in order, and its size with the holes. */
export interface SparseMap {
  readonly segments: readonly Segment[]
  readonly size: number
  /** Bytes of the entry's body that the map itself takes. */
  readonly mapBytes: number
}

/** Reads the map of an old GNU sparse entry from its header block and the extension blocks that follow. */
export async function gnuSparse(reader: ByteReader, block: Buffer, limitBytes: number): Promise<SparseMap> {
  const segments = gnuSegments(block, 386, 4)
  const size = number(block, 483, 12, 'real size')
  let extended = block[482] !== 0
  for (let bytes = BLOCK; extended; bytes += BLOCK) {
    if (bytes > limitBytes) throw new TarInvalid(`a sparse map has more than ${limitBytes} bytes`, null)
    const extension = await reader.readExactly(BLOCK)
    segments.push(...gnuSegments(extension, 0, 21))
    extended = extension[504] !== 0
  }
  return { segments, size, mapBytes: 0 }
}

/** Reads the map of a PAX sparse entry, from its records (0.0 and 0.1) or the start of its body (1.0). */
export async function paxSparse(
  reader: ByteReader,
  records: PaxRecords,
  stored: number,
  limitBytes: number,
): Promise<SparseMap | null> {
  const major = paxNumber(records, 'GNU.sparse.major')
  const size = paxNumber(records, 'GNU.sparse.realsize') ?? paxNumber(records, 'GNU.sparse.size')
  if (major === undefined) {
    const numbers = inRecords(records)
    if (numbers === null) return null
    return { segments: pairs(numbers), size: size ?? missingSize(), mapBytes: 0 }
  }
  const minor = paxNumber(records, 'GNU.sparse.minor') ?? 0
  if (major !== 1 || minor !== 0) {
    throw new TarInvalid(`sparse format ${major}.${minor} is not supported`, null)
  }
  const { numbers, mapBytes } = await inBody(reader, stored, limitBytes)
  return { segments: pairs(numbers), size: size ?? missingSize(), mapBytes }
}

/** Refuses a map that is out of order, overlaps, leaves the file, or does not match the stored bytes. */
export function checkSparse(map: SparseMap, stored: number): void {
  let end = 0
  let total = map.mapBytes
  for (const { offset, length } of map.segments) {
    if (offset < end || offset + length > map.size) {
      throw new TarInvalid(`a sparse map has ${length} bytes at ${offset} of a file of ${map.size}`, null)
    }
    end = offset + length
    total += length
  }
  if (total !== stored)
    throw new TarInvalid(`a sparse map describes ${total} bytes, ${stored} are stored`, null)
}

function gnuSegments(block: Buffer, start: number, count: number): Segment[] {
  const segments: Segment[] = []
  for (let i = 0; i < count; i++) {
    const at = start + i * 24
    if (block[at] === 0) break
    segments.push({
      offset: number(block, at, 12, 'sparse offset'),
      length: number(block, at + 12, 12, 'sparse length'),
    })
  }
  return segments
}

function inRecords(records: PaxRecords): number[] | null {
  const map = paxText(records, 'GNU.sparse.map')
  if (map !== undefined) return map.split(',').map((value) => decimal(value, 'GNU.sparse.map'))
  const single = records.filter(({ key }) => key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes')
  if (single.length === 0) return null
  single.forEach(({ key }, index) => {
    if ((key === 'GNU.sparse.offset') !== (index % 2 === 0))
      throw new TarInvalid('a sparse map is garbled', null)
  })
  return single.map(({ key, value }) => decimal(value.toString('latin1'), key))
}

// Lines of decimal digits, the first of which is the number of pairs, padded to a whole block.
async function inBody(
  reader: ByteReader,
  stored: number,
  limitBytes: number,
): Promise<{ numbers: number[]; mapBytes: number }> {
  const numbers: number[] = []
  let rest = ''
  let wanted = 1
  let mapBytes = 0
  while (numbers.length < wanted) {
    if (mapBytes + BLOCK > Math.min(stored, limitBytes)) throw new TarInvalid('a sparse map has no end', null)
    const lines = (rest + (await reader.readExactly(BLOCK)).toString('latin1')).split('\n')
    mapBytes += BLOCK
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (numbers.length === wanted) break
      numbers.push(decimal(line, 'sparse map'))
      if (numbers.length === 1) wanted = 1 + 2 * (numbers[0] ?? 0)
    }
  }
  return { numbers: numbers.slice(1), mapBytes }
}

function pairs(numbers: readonly number[]): Segment[] {
  if (numbers.length % 2 !== 0) throw new TarInvalid('a sparse map has an odd number of values', null)
  const segments: Segment[] = []
  for (let i = 0; i < numbers.length; i += 2) {
    segments.push({ offset: numbers[i] ?? 0, length: numbers[i + 1] ?? 0 })
  }
  return segments
}

function missingSize(): never {
  throw new TarInvalid('a sparse entry does not say its size', null)
}
