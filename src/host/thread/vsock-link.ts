import type { ByteLink } from '../../agent/link.ts'
import { nativeFailure } from '../../native/errors.ts'
import type { NativeVm } from '../../native/native.ts'

const NOTHING: Uint8Array = new Uint8Array(0)

/** A vsock connection as the link of an agent client. Once it is gone it swallows what is written. */
export const vsockLink = (vm: NativeVm, connection: number): ByteLink => ({
  // Gone reads as empty, not as the end: why it is gone comes as an event.
  read: (maxBytes) => unlessGone<Uint8Array | null>(NOTHING, () => vm.vsockRead(connection, maxBytes)),
  write: (bytes) => unlessGone(bytes.length, () => vm.vsockWrite(connection, bytes)),
  close: () => unlessGone(undefined, () => vm.vsockClose(connection)),
})

const unlessGone = <A>(gone: A, attempt: () => A): A => {
  try {
    return attempt()
  } catch (error) {
    const { code } = nativeFailure(error)
    if (code !== 'NO_CONNECTION' && code !== 'CLOSED') throw error
    return gone
  }
}
