import type { AgentFailure } from '../../../agent/failure.ts'
import type { HostFailure, VmEnd } from '../../../host/failure.ts'
import type { AgentIdentity, Operation, VmLink } from '../../../host/interface.ts'
import type { Reply } from '../../actor.ts'
import type { RequestError, StopReport } from './output.ts'

/** Something that the guest, or the thread that holds it, is to do. The actor admits it; its data flows beside. */
export interface GuestRequest {
  readonly type: 'guest'
  readonly operation: Operation
  /** Whether the asker has gone; nothing is begun for it then. */
  readonly abandoned: () => boolean
  /** Does it and answers the asker; settles with the failure that the actor has yet to explain to the asker. */
  readonly carryOut: (link: VmLink) => Promise<HostFailure | null>
  readonly refuse: (error: RequestError) => void
}

/** A VM is to stop: the guest by itself, by force, or by itself and after `graceMs` by force. */
export interface StopRequest {
  readonly type: 'stop'
  readonly manner: 'poweroff' | 'kill' | 'close'
  readonly graceMs: number
  readonly reply: Reply<StopReport, RequestError>
}

/** Everything that a VM's actor is told. */
export type VmInput =
  | GuestRequest
  | StopRequest
  | { readonly type: 'booted'; readonly agent: AgentIdentity }
  | { readonly type: 'agent-lost'; readonly failure: AgentFailure }
  | { readonly type: 'ended'; readonly end: VmEnd }
  | { readonly type: 'timer'; readonly name: TimerName }

/** What the actor gives time for. */
export type TimerName = 'boot' | 'grace' | 'agent-exit' | 'kill'
