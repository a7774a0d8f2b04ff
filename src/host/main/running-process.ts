import { succeed } from '../../agent/failure.ts'
import type { ExitReport, SpawnRequest } from '../../agent/requests.ts'
import type { HostOutcome } from '../failure.ts'
import type { ProcessLink } from '../interface.ts'
import type { FlowStream } from '../protocol/input.ts'
import type { FlowEnd } from '../protocol/output.ts'
import { BufferedSource } from './byte-source.ts'
import { WindowedSink } from './byte-sink.ts'
import type { FlowOperation, OperationPort } from './flow-operations.ts'

/** A program that runs in the guest, as its requester holds it. */
export class RunningProcess implements ProcessLink, FlowOperation {
  readonly stdout: BufferedSource
  readonly stderr: BufferedSource
  readonly stdin: WindowedSink | null
  readonly signal: ProcessLink['signal']
  readonly resize: ProcessLink['resize']
  readonly #port: OperationPort
  readonly #started = Promise.withResolvers<HostOutcome<ProcessLink>>()
  readonly #ended = Promise.withResolvers<HostOutcome<ExitReport>>()
  #pid = 0

  constructor(port: OperationPort, request: SpawnRequest, acts: Pick<ProcessLink, 'signal' | 'resize'>) {
    this.#port = port
    this.stdout = new BufferedSource((bytes) => port.consumed('stdout', bytes))
    this.stderr = new BufferedSource((bytes) => port.consumed('stderr', bytes))
    this.stdin = request.stdin ? new WindowedSink(port) : null
    this.signal = acts.signal
    this.resize = acts.resize
    // With a terminal there is one output stream.
    if (request.tty !== null) this.stderr.end()
  }

  /** Settles when the program runs, or with why it does not. */
  get started(): Promise<HostOutcome<ProcessLink>> {
    return this.#started.promise
  }

  get ended(): Promise<HostOutcome<ExitReport>> {
    return this.#ended.promise
  }

  get pid(): number {
    return this.#pid
  }

  cancel(): void {
    this.#port.cancel()
  }

  begun(pid: number): void {
    this.#pid = pid
    this.#started.resolve(succeed(this))
  }

  data(stream: FlowStream, bytes: Uint8Array): void {
    this.#source(stream).push(bytes)
  }

  eof(stream: FlowStream): void {
    this.#source(stream).end()
  }

  credit(bytes: number): void {
    this.stdin?.credit(bytes)
  }

  finish(outcome: HostOutcome<FlowEnd>): void {
    this.stdin?.close({ _tag: 'StreamClosed', stream: 'the standard input of a program that ended' })
    for (const source of [this.stdout, this.stderr]) {
      if (outcome.ok) source.end()
      else source.fail(outcome.error)
    }
    this.#started.resolve(outcome.ok ? succeed(this) : outcome)
    this.#ended.resolve(outcome.ok ? succeed(outcome.value.exit ?? NO_EXIT) : outcome)
  }

  #source(stream: FlowStream): BufferedSource {
    return stream === 'stderr' ? this.stderr : this.stdout
  }
}

// Not reached: the client of the agent lets nothing but Exited end a program.
const NO_EXIT: ExitReport = { code: null, signal: null, timedOut: false, wallNs: 0n }
