import { TarInvalid } from './invalid.ts'

/** The records of an extended header, in order; a key may repeat. */
export type PaxRecords = readonly PaxRecord[]

export interface PaxRecord {
  readonly key: string
  readonly value: Buffer
}

/** A point in time; nanoseconds count forward from the second, also before 1970. */
export interface Timestamp {
  readonly seconds: number
  readonly nanoseconds: number
}

/** Decodes the body of an extended header: records of the form "<length> <key>=<value>\n". */
export function parsePax(body: Buffer): PaxRecord[] {
  const records: PaxRecord[] = []
  for (let offset = 0; offset < body.length;) {
    const space = body.indexOf(0x20, offset)
    const digits = space === -1 ? '' : body.toString('latin1', offset, space)
    const end = offset + (/^[0-9]{1,10}$/.test(digits) ? Number(digits) : 0)
    const equals = body.indexOf(0x3d, space)
    if (end <= space || end > body.length || body[end - 1] !== 0x0a || equals === -1 || equals >= end) {
      throw new TarInvalid(`an extended header is malformed at its byte ${offset}`, null)
    }
    records.push({
      key: body.toString('latin1', space + 1, equals),
      value: body.subarray(equals + 1, end - 1),
    })
    offset = end
  }
  return records
}

/** The last value of a key as a name, or undefined; an empty value means that the key is not set. */
export function paxText(records: PaxRecords, key: string): string | undefined {
  const value = records.findLast((record) => record.key === key)?.value.toString('latin1')
  if (value?.includes('\0')) throw new TarInvalid(`the extended header has a NUL byte in ${key}`, null)
  return value === '' ? undefined : value
}

/** The last value of a key as a whole number that is not negative. */
export function paxNumber(records: PaxRecords, key: string): number | undefined {
  const value = paxText(records, key)
  if (value === undefined) return undefined
  return decimal(value, key)
}

/** Decodes decimal digits. */
export function decimal(value: string, field: string): number {
  const result = /^[0-9]{1,16}$/.test(value) ? Number(value) : Number.NaN
  if (!Number.isSafeInteger(result)) {
    throw new TarInvalid(`the extended header has ${JSON.stringify(value.slice(0, 40))} as ${field}`, null)
  }
  return result
}

/** The last value of a key as a time: decimal seconds with a fraction, digits past the ninth dropped. */
export function paxTime(records: PaxRecords, key: string): Timestamp | undefined {
  const value = paxText(records, key)
  if (value === undefined) return undefined
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/.exec(value)
  if (match === null) throw new TarInvalid(`the extended header has ${JSON.stringify(value)} as ${key}`, null)
  const seconds = Number(match[2])
  const nanoseconds = Number((match[3] ?? '').slice(0, 9).padEnd(9, '0'))
  if (match[1] === '') return { seconds, nanoseconds }
  return nanoseconds === 0
    ? { seconds: 0 - seconds, nanoseconds }
    : { seconds: -seconds - 1, nanoseconds: 1e9 - nanoseconds }
}

const XATTR = 'SCHILY.xattr.'
// Shared, for most of a million entries have none.
const NONE: ReadonlyMap<string, Buffer> = new Map()

/** The extended attributes, whose values are arbitrary bytes. */
export function paxXattrs(records: PaxRecords): ReadonlyMap<string, Buffer> {
  if (!records.some(({ key }) => key.startsWith(XATTR))) return NONE
  const xattrs = new Map<string, Buffer>()
  for (const { key, value } of records) {
    // A copy, since the record is a view of a whole chunk of the stream.
    if (key.startsWith(XATTR)) xattrs.set(key.slice(XATTR.length), Buffer.from(value))
  }
  return xattrs
}
