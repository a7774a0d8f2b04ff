import type { MessagePort } from 'node:worker_threads'
import type { Call, CallHandlers, Terminal } from '../../agent/call.ts'
import type { AgentClient } from '../../agent/client.ts'
import { exitReport, spawn } from '../../agent/exec.ts'
import { fail, succeed } from '../../agent/failure.ts'
import { readFile, writeFile } from '../../agent/files.ts'
import { Stream } from '../../agent/generated/agent_pb.ts'
import type { HostOutcome } from '../failure.ts'
import type { FlowInput, FlowStream } from '../protocol/input.ts'
import type { FlowEnd, FlowOutput } from '../protocol/output.ts'
import { OutputBatch } from './batch.ts'

/** The stream operations of a VM, as its host thread carries them between the port and the agent. */
export class FlowServer {
  readonly #client: () => AgentClient | null
  readonly #operations = new Map<number, { readonly call: Call; readonly outgoing: Stream }>()
  readonly #batch: OutputBatch

  /** `guard` is what a defect in the work for a message ends. */
  constructor(port: MessagePort, client: () => AgentClient | null, guard: (work: () => void) => () => void) {
    this.#client = client
    this.#batch = new OutputBatch(port)
    port.on('message', (message: FlowInput) => guard(() => this.#input(message))())
  }

  /** Says something about the VM itself. */
  tell(message: FlowOutput): void {
    this.#batch.add(message)
  }

  /** Sends what waits to be sent at once; before the port is closed. */
  flush(): void {
    this.#batch.flush()
  }

  /** Does something about a running program, unless the guest has stopped reading. */
  control(op: number, act: (call: Call) => void): HostOutcome<null> {
    const operation = this.#operations.get(op)
    const client = this.#client()
    if (operation === undefined || client === null)
      return fail({ _tag: 'StreamClosed', stream: 'the program' })
    if (client.congested) return fail({ _tag: 'Congested', pendingBytes: client.bufferedBytes })
    act(operation.call)
    return succeed(null)
  }

  #input(message: FlowInput): void {
    switch (message.type) {
      case 'spawn':
        return this.#open(message.op, Stream.STDIN, (client, handlers) =>
          spawn(client, message.request, handlers),
        )
      case 'read-file':
        return this.#open(message.op, Stream.FILE, (client, handlers) =>
          readFile(client, message.request, handlers),
        )
      case 'write-file':
        return this.#open(message.op, Stream.FILE, (client, handlers) =>
          writeFile(client, message.request, handlers),
        )
      case 'data':
        return this.#with(message.op, (call, outgoing) => void call.send(outgoing, message.bytes))
      case 'eof':
        return this.#with(message.op, (call, outgoing) => call.end(outgoing))
      case 'consumed':
        return this.#with(message.op, (call) => call.consumed(streams[message.stream], message.bytes))
      case 'cancel':
        return this.#with(message.op, (call) => call.cancel())
    }
  }

  #with(op: number, act: (call: Call, outgoing: Stream) => void): void {
    const operation = this.#operations.get(op)
    // One that has just ended; the message crossed its end on the way.
    if (operation !== undefined) act(operation.call, operation.outgoing)
  }

  #open(op: number, outgoing: Stream, begin: (client: AgentClient, handlers: CallHandlers) => Call): void {
    const client = this.#client()
    if (client === null)
      return this.tell({
        type: 'end',
        op,
        outcome: fail({ _tag: 'LinkEnded', reason: 'the agent has not connected yet' }),
      })
    const call = begin(client, {
      onStarted: (pid) => this.tell({ type: 'started', op, pid }),
      onData: (stream, bytes) => this.#batch.addData(op, flowStream(stream), bytes),
      onEof: (stream) => this.tell({ type: 'eof', op, stream: flowStream(stream) }),
      onCredit: (_stream, bytes) => this.tell({ type: 'credit', op, bytes }),
      onEnd: (outcome) => {
        this.#operations.delete(op)
        this.tell({ type: 'end', op, outcome: outcome.ok ? succeed(flowEnd(outcome.value)) : outcome })
      },
    })
    if (!call.ended) this.#operations.set(op, { call, outgoing })
  }
}

const streams: Record<FlowStream, Stream> = {
  stdout: Stream.STDOUT,
  stderr: Stream.STDERR,
  file: Stream.FILE,
}

const flowStream = (stream: Stream): FlowStream =>
  stream === Stream.STDOUT ? 'stdout' : stream === Stream.STDERR ? 'stderr' : 'file'

const flowEnd = (terminal: Terminal): FlowEnd => ({
  exit: terminal.case === 'exited' ? exitReport(terminal) : null,
  bytes: terminal.case === 'done' ? terminal.value.bytes : 0n,
})
