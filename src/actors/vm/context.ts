import type * as Deferred from 'effect/Deferred'
import type { AgentFailure } from '../../agent/failure.ts'
import type { BootFailed, BootStage } from '../../errors/boot.ts'
import type { VmStopped } from '../../errors/vm.ts'
import type { VmLink } from '../../host/interface.ts'
import type { StopRequest, TimerName } from './protocol/input.ts'
import type { VmState } from './state.ts'

/** How long a VM gets for what it does by itself. */
export interface VmDeadlines {
  readonly bootMs: number
  /** From the loss of the agent to the exit of a machine whose PID 1 is gone. */
  readonly agentExitMs: number
  /** From the order to stop the vCPUs to their end; after that the thread itself is ended. */
  readonly killMs: number
}

/** Why a VM is being stopped though nobody asked for it. */
export type StopCause =
  | { readonly type: 'boot-deadline'; readonly deadlineMs: number }
  | { readonly type: 'agent-lost'; readonly failure: AgentFailure }

/** What can be seen of a VM at any time, without asking. */
export interface VmView {
  readonly id: string
  state: VmState
  readonly stages: BootStage[]
}

/** What the functions of the states work on. */
export interface VmContext {
  readonly view: VmView
  readonly link: VmLink
  readonly deadlines: VmDeadlines
  readonly maxInFlight: number
  /** Requests that the VM works on. */
  inFlight: number
  cause: StopCause | null
  /** Whether the vCPUs were made to stop. */
  killed: boolean
  /** Those who asked the VM to stop. */
  readonly stopRequests: StopRequest[]
  /** Settled when the VM is ready, or with why it will never be. */
  readonly booted: Deferred.Deferred<void, BootFailed>
  /** Answers that are due when the state has changed: who gets one must not see the state before. */
  readonly answers: (() => void)[]
  /** Settles when the end of the VM is known and its state says so. */
  readonly ended: PromiseWithResolvers<VmStopped>
  /** Sends the actor a `timer` message after so long. */
  readonly startTimer: (name: TimerName, afterMs: number) => void
}
