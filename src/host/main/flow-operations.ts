import type { HostOutcome } from '../failure.ts'
import type { FlowStream } from '../protocol/input.ts'
import type { FlowEnd } from '../protocol/output.ts'
import type { SinkPort } from './byte-sink.ts'

/** How a stream operation sends about itself; nothing is sent once it has ended. */
export interface OperationPort extends SinkPort {
  readonly consumed: (stream: FlowStream, bytes: number) => void
  readonly cancel: () => void
}

/** What a stream operation is told, in the order of arrival; `finish` last and once. */
export interface FlowOperation {
  begun(pid: number): void
  data(stream: FlowStream, bytes: Uint8Array): void
  eof(stream: FlowStream): void
  credit(bytes: number): void
  finish(outcome: HostOutcome<FlowEnd>): void
  cancel(): void
}
