/** One entry to write, field by field, so that tests can also write what no honest tool would. */
export interface ArchiveEntry {
  readonly name: string | Buffer
  readonly type?: string
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly mtime?: number
  readonly link?: string | Buffer
  readonly major?: number
  readonly minor?: number
  readonly content?: Buffer | string
  /** Records of an extended header before it. */
  readonly pax?: Readonly<Record<string, string | Buffer>> | readonly (readonly [string, string | Buffer])[]
  /** Says this size in the header instead of the content's. */
  readonly statedSize?: number
  /** Changes the finished header block; the checksum is computed after it. */
  readonly patch?: (block: Buffer) => void
  /** Blocks between the header and the content. */
  readonly extension?: Buffer
}

/** A POSIX archive of the entries. */
export function archive(entries: readonly ArchiveEntry[], end = true): Buffer {
  const parts = entries.flatMap((entry) => {
    const content = Buffer.from(entry.content ?? '')
    const head = entry.pax === undefined ? [] : [paxHeader(entry.pax)]
    return [...head, header(entry, content.length), entry.extension ?? Buffer.alloc(0), padded(content)]
  })
  return Buffer.concat([...parts, Buffer.alloc(end ? 1024 : 0)])
}

/** A GNU long name ("L") or long link target ("K") for the entry that follows. */
export function gnuLong(type: 'L' | 'K', text: string | Buffer): ArchiveEntry {
  return { name: '././@LongLink', type, content: Buffer.concat([Buffer.from(text), Buffer.alloc(1)]) }
}

/** One record of an extended header. */
export function paxRecord(key: string, value: string | Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')])
  let length = rest.length
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return Buffer.concat([Buffer.from(String(length)), rest])
}

/** Writes a number as octal digits, or big-endian binary where they do not fit. */
export function writeNumber(block: Buffer, value: number, at: number, length: number): void {
  const octal = value < 0 ? '' : value.toString(8).padStart(length - 1, '0')
  if (value >= 0 && octal.length < length) {
    block.write(`${octal}\0`, at, 'latin1')
    return
  }
  let rest = BigInt(value)
  for (let i = length - 1; i >= 0; i--) {
    block[at + i] = Number(rest & 0xffn)
    rest >>= 8n
  }
  if (value >= 0) block[at] = 0x80
}

function paxHeader(pax: NonNullable<ArchiveEntry['pax']>): Buffer {
  const pairs = Array.isArray(pax) ? pax : Object.entries(pax)
  const content = Buffer.concat(pairs.map(([key, value]) => paxRecord(key, value)))
  return Buffer.concat([header({ name: 'PaxHeaders/x', type: 'x' }, content.length), padded(content)])
}

function header(entry: ArchiveEntry, size: number): Buffer {
  const block = Buffer.alloc(512)
  Buffer.from(entry.name).copy(block, 0, 0, 100)
  writeNumber(block, entry.mode ?? 0o644, 100, 8)
  writeNumber(block, entry.uid ?? 0, 108, 8)
  writeNumber(block, entry.gid ?? 0, 116, 8)
  writeNumber(block, entry.statedSize ?? size, 124, 12)
  writeNumber(block, entry.mtime ?? 1_700_000_000, 136, 12)
  block.write(entry.type ?? '0', 156)
  Buffer.from(entry.link ?? '').copy(block, 157, 0, 100)
  block.write('ustar\u000000', 257)
  writeNumber(block, entry.major ?? 0, 329, 8)
  writeNumber(block, entry.minor ?? 0, 337, 8)
  entry.patch?.(block)
  block.fill(' ', 148, 156)
  writeNumber(
    block,
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  )
  return block
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)])
}
