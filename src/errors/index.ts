import type { BootFailed } from './boot.ts'
import type { HostUnsupported, MissingArtifact, RuntimeClosed } from './host.ts'
import type { ImageFailed } from './image.ts'
import type { InvalidOption } from './options.ts'
import type { OutputTooLarge, RequestRefused, RequestTooLarge, StreamClosed } from './request.ts'
import type { IllegalState, VmStopped } from './vm.ts'
import type { Aborted, DeadlineExceeded, Overloaded } from './waiting.ts'

export { BootFailed, type BootFailureCode, type BootStage } from './boot.ts'
export { HostUnsupported, MissingArtifact, RuntimeClosed } from './host.ts'
export { ImageFailed } from './image.ts'
export { InvalidOption } from './options.ts'
export { OutputTooLarge, RequestRefused, RequestTooLarge, StreamClosed } from './request.ts'
export { IllegalState, VmStopped, type VmStopCode } from './vm.ts'
export { Aborted, DeadlineExceeded, Overloaded } from './waiting.ts'

/** Everything that can go wrong by contract, told apart by `_tag` and `code`. */
export type ActovisorError =
  | InvalidOption
  | MissingArtifact
  | HostUnsupported
  | ImageFailed
  | BootFailed
  | VmStopped
  | IllegalState
  | RequestRefused
  | OutputTooLarge
  | RequestTooLarge
  | StreamClosed
  | Overloaded
  | DeadlineExceeded
  | Aborted
  | RuntimeClosed
