import type {
  ExecReport,
  ExecRequest,
  ExitReport,
  FetchFileRequest,
  FileReport,
  ListRequest,
  ReadFileRequest,
  RemoveRequest,
  SpawnRequest,
  StatRequest,
  WriteFileRequest,
} from '../agent/requests.ts'
import type { AgentFailure } from '../agent/failure.ts'
import type { VmConfig, VmMetrics } from '../native/native.ts'
import type { HostOutcome, VmEnd } from './failure.ts'

/** What a VM's actor can ask of the thread that holds the VM, and what it gets. */
export interface GuestCalls {
  readonly exec: { readonly request: ExecRequest; readonly answer: ExecReport }
  readonly spawn: { readonly request: SpawnRequest; readonly answer: ProcessLink }
  readonly fetchFile: { readonly request: FetchFileRequest; readonly answer: Uint8Array }
  readonly readFile: { readonly request: ReadFileRequest; readonly answer: ByteSource }
  readonly writeFile: { readonly request: WriteFileRequest; readonly answer: FileSink }
  readonly stat: { readonly request: StatRequest; readonly answer: FileReport }
  readonly list: { readonly request: ListRequest; readonly answer: FileReport[] }
  readonly remove: { readonly request: RemoveRequest; readonly answer: null }
  readonly ping: { readonly request: null; readonly answer: null }
  readonly poweroff: { readonly request: null; readonly answer: null }
  readonly console: { readonly request: { readonly maxBytes: number }; readonly answer: Uint8Array }
  readonly metrics: { readonly request: null; readonly answer: HostedMetrics }
}

export type Operation = keyof GuestCalls

/** One VM on its host thread. No method throws or rejects; after `ended` every call answers with it. */
export interface VmLink {
  /** Settles once, when nothing of the VM is left. */
  readonly ended: Promise<VmEnd>
  call<K extends Operation>(
    operation: K,
    request: GuestCalls[K]['request'],
    signal: AbortSignal,
  ): Promise<HostOutcome<GuestCalls[K]['answer']>>
  /** Stops the vCPUs; `ended` follows. */
  kill(): void
  /** The last resort when `kill` does nothing: ends the thread, with every other VM on it. */
  terminateThread(): void
}

/** What a VM's thread tells without being asked. */
export interface LinkObserver {
  readonly onStage: (name: string, atNs: bigint) => void
  readonly onBooted: (agent: AgentIdentity) => void
  /** The connection to the agent is over while the machine may still run. */
  readonly onAgentLost: (failure: AgentFailure) => void
}

/** The threads that VMs are put on. */
export interface HostThreads {
  start(config: VmConfig, observer: LinkObserver): VmLink
  readonly threadCount: number
  /** Ends the threads and whatever is still on them. */
  close(): Promise<void>
}

export interface AgentIdentity {
  readonly version: string
  readonly kernel: string
  /** Of the guest's CLOCK_BOOTTIME. */
  readonly startedNs: bigint
  readonly readyNs: bigint
}

export interface HostedMetrics extends VmMetrics {
  /** Messages of the agent about requests that were over; dropped. */
  readonly lateMessages: number
  /** Connections that the guest opened besides its agent's; refused. */
  readonly refusedConnections: number
  readonly openRequests: number
}

/** Bytes in order, for one reader. Leaving the loop early drops what is still to come. */
export interface ByteSource {
  /** The next bytes, null at the end. One call at a time. */
  next(): Promise<HostOutcome<Uint8Array | null>>
  /** Drops what is here and what will come. */
  discard(): void
}

/** Takes bytes as fast as the other end consumes them. */
export interface ByteSink {
  /** Settles when the bytes are on their way; in the order of the calls. */
  write(bytes: Uint8Array): Promise<HostOutcome<null>>
  end(): Promise<HostOutcome<null>>
}

export interface ProcessLink {
  readonly pid: number
  readonly stdout: ByteSource
  readonly stderr: ByteSource
  /** Null when the program has none. */
  readonly stdin: ByteSink | null
  readonly ended: Promise<HostOutcome<ExitReport>>
  signal(number: number): Promise<HostOutcome<null>>
  resize(rows: number, columns: number): Promise<HostOutcome<null>>
  /** Kills the process group and drops the streams. */
  cancel(): void
}

export interface FileSink extends ByteSink {
  /** Settles with the bytes written when the file has its name, or with why it has not. */
  readonly ended: Promise<HostOutcome<bigint>>
  cancel(): void
}
