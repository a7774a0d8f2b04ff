import type { AgentFailure } from '../../agent/failure.ts'
import type { ExitReport } from '../../agent/requests.ts'
import type { HostOutcome } from '../failure.ts'
import type { AgentIdentity } from '../interface.ts'
import type { FlowStream } from './input.ts'

/** How a stream operation ended; the part that its kind has is not null. */
export interface FlowEnd {
  readonly exit: ExitReport | null
  readonly bytes: bigint
}

/** What a host thread sends about a VM beside the answers to control calls. */
export type FlowOutput =
  /** First: where the VM is. */
  | { readonly type: 'placed'; readonly threadId: number }
  | { readonly type: 'stage'; readonly name: string; readonly atNs: bigint }
  | { readonly type: 'booted'; readonly agent: AgentIdentity }
  | { readonly type: 'agent-lost'; readonly failure: AgentFailure }
  | { readonly type: 'started'; readonly op: number; readonly pid: number }
  | { readonly type: 'data'; readonly op: number; readonly stream: FlowStream; readonly bytes: Uint8Array }
  | { readonly type: 'eof'; readonly op: number; readonly stream: FlowStream }
  | { readonly type: 'credit'; readonly op: number; readonly bytes: number }
  /** Last of an operation. */
  | { readonly type: 'end'; readonly op: number; readonly outcome: HostOutcome<FlowEnd> }
