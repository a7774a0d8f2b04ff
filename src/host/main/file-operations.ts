import { succeed } from '../../agent/failure.ts'
import type { HostOutcome } from '../failure.ts'
import type { ByteSource, FileSink } from '../interface.ts'
import type { FlowStream } from '../protocol/input.ts'
import type { FlowEnd } from '../protocol/output.ts'
import { BufferedSource } from './byte-source.ts'
import { WindowedSink } from './byte-sink.ts'
import type { FlowOperation, OperationPort } from './flow-operations.ts'

/** A file of the guest that is being read as a stream. */
export class FileReading implements ByteSource, FlowOperation {
  readonly #port: OperationPort
  readonly #source: BufferedSource

  constructor(port: OperationPort) {
    this.#port = port
    this.#source = new BufferedSource((bytes) => port.consumed('file', bytes))
  }

  next(): Promise<HostOutcome<Uint8Array | null>> {
    return this.#source.next()
  }

  discard(): void {
    this.#source.discard()
    this.cancel()
  }

  cancel(): void {
    this.#port.cancel()
  }

  data(_stream: FlowStream, bytes: Uint8Array): void {
    this.#source.push(bytes)
  }

  finish(outcome: HostOutcome<FlowEnd>): void {
    if (outcome.ok) this.#source.end()
    else this.#source.fail(outcome.error)
  }

  // The end is told by `finish`: a file that broke off must not look complete.
  eof(): void {}
  begun(): void {}
  credit(): void {}
}

/** A file of the guest that is being written as a stream. */
export class FileWriting extends WindowedSink implements FileSink, FlowOperation {
  readonly #port: OperationPort
  readonly #ended = Promise.withResolvers<HostOutcome<bigint>>()

  constructor(port: OperationPort) {
    super(port)
    this.#port = port
  }

  get ended(): Promise<HostOutcome<bigint>> {
    return this.#ended.promise
  }

  cancel(): void {
    this.#port.cancel()
  }

  finish(outcome: HostOutcome<FlowEnd>): void {
    this.close(outcome.ok ? { _tag: 'StreamClosed', stream: 'a file that is written' } : outcome.error)
    this.#ended.resolve(outcome.ok ? succeed(outcome.value.bytes) : outcome)
  }

  begun(): void {}
  data(): void {}
  eof(): void {}
}
