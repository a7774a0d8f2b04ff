import { createHash } from 'node:crypto'
import type { MeasuredExtra } from './extras.ts'

// Raised with every change that makes another disk of the same input.
const WRITER_VERSION = 1

/** Names a disk by all that it is made from: 64 hexadecimal digits. */
export function diskIdentity(imageDigest: string, extras: readonly MeasuredExtra[]): string {
  const parts = extras.map((extra) =>
    extra.kind === 'file'
      ? [extra.kind, extra.path, extra.mode, extra.sha256]
      : [extra.kind, extra.path, extra.mode],
  )
  return createHash('sha256')
    .update(JSON.stringify([WRITER_VERSION, imageDigest, parts]))
    .digest('hex')
}

/** The identity as the UUID (version 8) in the superblock, by which a finished disk is known again. */
export function diskUuid(identity: string): Buffer {
  const uuid = Buffer.from(identity, 'hex').subarray(0, 16)
  uuid.writeUInt8((uuid.readUInt8(6) & 0x0f) | 0x80, 6)
  uuid.writeUInt8((uuid.readUInt8(8) & 0x3f) | 0x80, 8)
  return uuid
}
