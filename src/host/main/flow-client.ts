import type { MessagePort } from 'node:worker_threads'
import { fail, succeed } from '../../agent/failure.ts'
import type { ReadFileRequest, SpawnRequest, WriteFileRequest } from '../../agent/requests.ts'
import type { HostFailure, HostOutcome } from '../failure.ts'
import type { ByteSource, FileSink, LinkObserver, ProcessLink } from '../interface.ts'
import type { FlowInput } from '../protocol/input.ts'
import type { FlowEnd, FlowOutput } from '../protocol/output.ts'
import { FileReading, FileWriting } from './file-operations.ts'
import type { FlowOperation, OperationPort } from './flow-operations.ts'
import { RunningProcess } from './running-process.ts'

/** What is told about the VM itself. */
export interface FlowObserver extends LinkObserver {
  readonly onPlaced: (threadId: number) => void
}

/** The main thread's end of the stream operations of a VM. */
export class FlowClient {
  readonly #port: MessagePort
  readonly #observer: FlowObserver
  readonly #operations = new Map<number, OpenOperation>()

  constructor(port: MessagePort, observer: FlowObserver) {
    this.#port = port
    this.#observer = observer
    port.on('message', (messages: readonly FlowOutput[]) => {
      for (const message of messages) this.#output(message)
    })
  }

  spawn(
    op: number,
    request: SpawnRequest,
    acts: Pick<ProcessLink, 'signal' | 'resize'>,
    signal: AbortSignal,
  ): Promise<HostOutcome<ProcessLink>> {
    const process = new RunningProcess(this.#operationPort(op), request, acts)
    return this.#begin(op, process, { type: 'spawn', op, request }, process.started, signal)
  }

  readFile(op: number, request: ReadFileRequest, signal: AbortSignal): Promise<HostOutcome<ByteSource>> {
    const reading = new FileReading(this.#operationPort(op))
    return this.#begin(op, reading, { type: 'read-file', op, request }, succeed(reading), signal)
  }

  writeFile(op: number, request: WriteFileRequest, signal: AbortSignal): Promise<HostOutcome<FileSink>> {
    const writing = new FileWriting(this.#operationPort(op))
    return this.#begin(op, writing, { type: 'write-file', op, request }, succeed(writing), signal)
  }

  /** Settles everything that is open; the port is of no use any more. */
  close(failure: HostFailure): void {
    for (const op of this.#operations.keys()) this.#finish(op, fail(failure))
  }

  /** Opens an operation; `signal` gives it up for as long as it runs. */
  async #begin<A>(
    op: number,
    operation: FlowOperation,
    message: FlowInput,
    started: HostOutcome<A> | Promise<HostOutcome<A>>,
    signal: AbortSignal,
  ): Promise<HostOutcome<A>> {
    if (signal.aborted) return fail({ _tag: 'Abandoned' })
    const abandon = () => operation.cancel()
    signal.addEventListener('abort', abandon, { once: true })
    const release = () => signal.removeEventListener('abort', abandon)
    this.#operations.set(op, { operation, release })
    this.#post(message)
    return started
  }

  #output(message: FlowOutput): void {
    switch (message.type) {
      case 'placed':
        return this.#observer.onPlaced(message.threadId)
      case 'stage':
        return this.#observer.onStage(message.name, message.atNs)
      case 'booted':
        return this.#observer.onBooted(message.agent)
      case 'agent-lost':
        return this.#observer.onAgentLost(message.failure)
      case 'started':
        return this.#operations.get(message.op)?.operation.begun(message.pid)
      case 'data':
        return this.#operations.get(message.op)?.operation.data(message.stream, message.bytes)
      case 'eof':
        return this.#operations.get(message.op)?.operation.eof(message.stream)
      case 'credit':
        return this.#operations.get(message.op)?.operation.credit(message.bytes)
      case 'end':
        return this.#finish(message.op, message.outcome)
    }
  }

  #finish(op: number, outcome: HostOutcome<FlowEnd>): void {
    const open = this.#operations.get(op)
    this.#operations.delete(op)
    open?.release()
    open?.operation.finish(outcome)
  }

  #operationPort(op: number): OperationPort {
    return {
      data: (bytes) => this.#post({ type: 'data', op, bytes }, [bytes.buffer]),
      eof: () => this.#post({ type: 'eof', op }),
      consumed: (stream, bytes) => {
        if (this.#operations.has(op)) this.#post({ type: 'consumed', op, stream, bytes })
      },
      cancel: () => {
        if (this.#operations.has(op)) this.#post({ type: 'cancel', op })
      },
    }
  }

  #post(message: FlowInput, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer)
  }
}

interface OpenOperation {
  readonly operation: FlowOperation
  /** Lets go of the requester's signal. */
  readonly release: () => void
}
