import type { AgentFailure, Outcome } from '../agent/failure.ts'
import type { ExitKind, NativeErrorCode } from '../native/native.ts'

/** How a VM ended. Plain data: it crosses threads. */
export interface VmEnd {
  /** `not-created`: it never ran. `thread-lost`: the thread that held it is gone, and it with it. */
  readonly kind: ExitKind | 'not-created' | 'thread-lost'
  readonly detail: string
  /** Of `not-created`. */
  readonly code: NativeErrorCode | null
  /** The last bytes of the serial console; empty where nothing could be read any more. */
  readonly consoleTail: Uint8Array
}

/** What a request to a VM can come to instead of its answer. */
export type HostFailure =
  | AgentFailure
  | { readonly _tag: 'VmEnded'; readonly end: VmEnd }
  /** The stream or program that this is about is over. */
  | { readonly _tag: 'StreamClosed'; readonly stream: string }
  /** The requester gave it up. */
  | { readonly _tag: 'Abandoned' }

/** A value or a host failure. */
export type HostOutcome<A> = Outcome<A, HostFailure>
