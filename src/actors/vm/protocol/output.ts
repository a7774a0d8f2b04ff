import type {
  DeadlineExceeded,
  IllegalState,
  Overloaded,
  RequestRefused,
  OutputTooLarge,
  RequestTooLarge,
  StreamClosed,
  VmStopped,
} from '../../../errors/index.ts'

/** What a request to a VM can fail with. */
export type RequestError =
  | VmStopped
  | IllegalState
  | RequestRefused
  | OutputTooLarge
  | RequestTooLarge
  | StreamClosed
  | Overloaded
  | DeadlineExceeded

/** How a VM that was asked to stop did so. */
export interface StopReport {
  /** Whether it had to be killed. */
  readonly forced: boolean
  readonly detail: string
}
