import type { ByteReader } from './byte-reader.ts'
import { BLOCK, parseHeader, type TarHeader } from './header.ts'
import { printable, TarInvalid } from './invalid.ts'
import { parsePax, paxNumber, paxText, paxTime, paxXattrs, type PaxRecords, type Timestamp } from './pax.ts'
import { checkSparse, gnuSparse, paxSparse, type Segment, type SparseMap } from './sparse.ts'

export type TarType = 'file' | 'hardlink' | 'symlink' | 'character' | 'block' | 'directory' | 'fifo'

/** One entry. Names hold bytes, one character each. */
export interface TarEntry {
  readonly name: string
  readonly type: TarType
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtime: Timestamp
  readonly linkName: string
  readonly major: number
  readonly minor: number
  readonly xattrs: ReadonlyMap<string, Buffer>
  /** Bytes of the file, holes included. */
  readonly size: number
  /** The stored runs of a sparse file; null when the whole file is stored. */
  readonly segments: readonly Segment[] | null
  /** The stored bytes, once; what is not read is skipped. */
  readonly content: AsyncIterable<Buffer>
}

const TYPES: Readonly<Record<string, TarType>> = {
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file',
  D: 'directory',
  S: 'file',
}

const MAX_ID = 0xffff_fffe

/**
 * The entries of an archive in V7, POSIX (ustar, PAX), GNU or star format, in order.
 *
 * Where these formats leave room, it reads as the Go library that other container
 * runtimes use, so that an image means the same here: a global extended header
 * has no effect, a GNU long name wins over a PAX one, only files have a body.
 */
export async function* readTar(reader: ByteReader, headerBytes: number): AsyncGenerator<TarEntry> {
  for (;;) {
    const found = await nextHeader(reader, headerBytes)
    if (found === null) return
    const body = new Body(reader, found.stored)
    yield await entryOf(reader, found, body, headerBytes)
    await body.finish()
  }
}

interface Found {
  readonly header: TarHeader
  readonly block: Buffer
  readonly pax: PaxRecords
  readonly name: string
  readonly linkName: string
  /** Bytes of the body. */
  readonly stored: number
}

// Reads up to the next header of an entry, through the extension headers before it.
async function nextHeader(reader: ByteReader, headerBytes: number): Promise<Found | null> {
  let pax: PaxRecords = []
  let longName: string | null = null
  let longLink: string | null = null
  for (;;) {
    const block = await reader.read(BLOCK)
    const header = block === null ? null : parseHeader(block)
    if (block === null || header === null) {
      if (block !== null) await requireEnd(reader)
      if (pax.length > 0 || longName !== null || longLink !== null) {
        throw new TarInvalid('the archive ends after an extended header', null)
      }
      return null
    }
    if (header.size < 0) throw new TarInvalid(`a header has size ${header.size}`, printable(header.name))
    switch (header.type) {
      case 'x':
      case 'X':
        pax = parsePax(await extension(reader, header, headerBytes))
        break
      case 'g':
        parsePax(await extension(reader, header, headerBytes))
        break
      case 'L':
        longName = terminated(await extension(reader, header, headerBytes))
        break
      case 'K':
        longLink = terminated(await extension(reader, header, headerBytes))
        break
      default: {
        const name = longName ?? paxText(pax, 'GNU.sparse.name') ?? paxText(pax, 'path') ?? header.name
        const linkName = longLink ?? paxText(pax, 'linkpath') ?? header.linkName
        const isFile = TYPES[header.type] === 'file' && !isOldDirectory(header, name)
        const stored = isFile ? (paxNumber(pax, 'size') ?? header.size) : 0
        return { header, block, pax, name, linkName, stored }
      }
    }
  }
}

async function entryOf(reader: ByteReader, found: Found, body: Body, headerBytes: number): Promise<TarEntry> {
  const { header, pax, name } = found
  const type = isOldDirectory(header, name) ? 'directory' : TYPES[header.type]
  if (type === undefined) {
    throw new TarInvalid(`entries of type ${JSON.stringify(header.type)} are not supported`, printable(name))
  }
  const uid = paxNumber(pax, 'uid') ?? header.uid
  const gid = paxNumber(pax, 'gid') ?? header.gid
  if (uid < 0 || uid > MAX_ID || gid < 0 || gid > MAX_ID) {
    throw new TarInvalid(`owner ${uid}:${gid} is out of range`, printable(name))
  }
  const sparse = type === 'file' ? await sparseMap(reader, found, body, headerBytes) : null
  return {
    name,
    type,
    mode: header.mode & 0o7777,
    uid,
    gid,
    mtime: paxTime(pax, 'mtime') ?? { seconds: header.mtime, nanoseconds: 0 },
    linkName: found.linkName,
    major: header.major,
    minor: header.minor,
    xattrs: paxXattrs(pax),
    size: sparse?.size ?? found.stored,
    segments: sparse?.segments ?? null,
    content: body,
  }
}

async function sparseMap(
  reader: ByteReader,
  { header, block, pax, name, stored }: Found,
  body: Body,
  headerBytes: number,
): Promise<SparseMap | null> {
  const map =
    header.type === 'S'
      ? await gnuSparse(reader, block, headerBytes)
      : await paxSparse(reader, pax, stored, headerBytes)
  if (map === null) return null
  body.consumed(map.mapBytes)
  try {
    checkSparse(map, stored)
  } catch (error) {
    throw error instanceof TarInvalid ? new TarInvalid(error.message, printable(name)) : error
  }
  return map
}

// Archives from before POSIX mark a directory by a slash at the end of its name.
function isOldDirectory(header: TarHeader, name: string): boolean {
  return header.type === '0' && name.endsWith('/')
}

async function extension(reader: ByteReader, header: TarHeader, headerBytes: number): Promise<Buffer> {
  if (header.size > headerBytes) {
    throw new TarInvalid(`an extended header has ${header.size} bytes, at most ${headerBytes} are read`, null)
  }
  const body = await reader.readExactly(header.size)
  await reader.skip(padding(header.size))
  return body
}

function terminated(body: Buffer): string {
  const end = body.indexOf(0)
  return body.toString('latin1', 0, end === -1 ? body.length : end)
}

// The end is two blocks of zeros; a single one is let pass at the end of the stream only.
async function requireEnd(reader: ByteReader): Promise<void> {
  const block = await reader.read(BLOCK)
  if (block !== null && parseHeader(block) !== null) {
    throw new TarInvalid('a block of zeros is followed by more entries', null)
  }
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK
}

class Body implements AsyncIterable<Buffer> {
  readonly #reader: ByteReader
  readonly #size: number
  #remaining: number

  constructor(reader: ByteReader, size: number) {
    this.#reader = reader
    this.#size = size
    this.#remaining = size
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    while (this.#remaining > 0) {
      const chunk = await this.#reader.readSome(this.#remaining)
      this.#remaining -= chunk.length
      yield chunk
    }
  }

  consumed(bytes: number): void {
    this.#remaining -= bytes
  }

  async finish(): Promise<void> {
    await this.#reader.skip(this.#remaining + padding(this.#size))
  }
}
