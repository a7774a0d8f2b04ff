import type { NativeErrorCode } from './native.ts'

/** An error of the addon as plain data. */
export interface NativeFailure {
  readonly _tag: 'NativeFailure'
  readonly code: NativeErrorCode
  readonly message: string
}

/** What the addon threw, as data; anything that it does not throw by contract is a defect and thrown on. */
export const nativeFailure = (error: unknown): NativeFailure => {
  if (!(error instanceof Error) || !('code' in error) || !isNativeCode(error.code)) throw error
  return { _tag: 'NativeFailure', code: error.code, message: error.message }
}

const isNativeCode = (code: unknown): code is NativeErrorCode =>
  typeof code === 'string' && Object.hasOwn(codes, code)

// A record rather than a list, so that the type checker sees a code that is missing here.
const codes: Record<NativeErrorCode, true> = {
  NO_KVM: true,
  KVM_PERMISSION: true,
  KVM_API: true,
  INVALID_CONFIG: true,
  KERNEL_UNREADABLE: true,
  KERNEL_INVALID: true,
  DISK_UNREADABLE: true,
  DISK_INVALID: true,
  NO_MEMORY: true,
  KVM_ERROR: true,
  NO_CONNECTION: true,
  WRONG_STATE: true,
  CLOSED: true,
}
