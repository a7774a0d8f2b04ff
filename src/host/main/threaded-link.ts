import { once } from 'node:events'
import type { MessagePort } from 'node:worker_threads'
import { MessageChannel } from 'node:worker_threads'
import type { Endpoint, Remote } from 'comlink'
import { wrap } from 'comlink'
import { fail } from '../../agent/failure.ts'
import type { HostOutcome, VmEnd } from '../failure.ts'
import type { GuestCalls, LinkObserver, Operation, ProcessLink, VmLink } from '../interface.ts'
import type { ControlApi, ControlOperation } from '../protocol/control.ts'
import type { VmLaunch } from '../protocol/launch.ts'
import { FlowClient } from './flow-client.ts'

/** How a link gets its VM onto a thread, and how it ends that thread. */
export interface Placement {
  /** Runs the VM; settles when it is gone, rejects when its thread is. */
  readonly run: (launch: Pick<VmLaunch, 'control' | 'flow'>) => Promise<VmEnd>
  readonly terminate: (threadId: number) => void
}

/** A VM on a host thread, over two message channels of its own. */
export class ThreadedLink implements VmLink {
  readonly ended: Promise<VmEnd>
  readonly #placement: Placement
  readonly #flow: FlowClient
  readonly #remote: RemoteControl
  readonly #pending = new Set<(outcome: HostOutcome<never>) => void>()
  #end: VmEnd | null = null
  #threadId: number | null = null
  #lastOp = 0

  constructor(placement: Placement, observer: LinkObserver) {
    const control = new MessageChannel()
    const flow = new MessageChannel()
    this.#placement = placement
    this.#remote = remoteControl(control.port1)
    this.#flow = new FlowClient(flow.port1, {
      ...observer,
      onPlaced: (threadId) => {
        this.#threadId = threadId
      },
    })
    this.ended = this.#live([control.port1, flow.port1], () =>
      placement.run({ control: control.port2, flow: flow.port2 }),
    )
  }

  call<K extends Operation>(...call: CallOf<K>): Promise<HostOutcome<GuestCalls[K]['answer']>>
  call(...[operation, request, signal]: CallOf<Operation>): Promise<HostOutcome<unknown>> {
    if (this.#end !== null) return Promise.resolve(fail({ _tag: 'VmEnded', end: this.#end }))
    if (signal.aborted) return Promise.resolve(fail({ _tag: 'Abandoned' }))
    this.#lastOp += 1
    switch (operation) {
      case 'spawn':
        return this.#flow.spawn(this.#lastOp, request, this.#acts(this.#lastOp), signal)
      case 'readFile':
        return this.#flow.readFile(this.#lastOp, request, signal)
      case 'writeFile':
        return this.#flow.writeFile(this.#lastOp, request, signal)
      default:
        return this.#ask(operation, request, signal)
    }
  }

  kill(): void {
    if (this.#end === null) void this.#remote.kill()
  }

  terminateThread(): void {
    if (this.#end === null && this.#threadId !== null) this.#placement.terminate(this.#threadId)
  }

  /** A control call that is settled by its answer, by `signal` or by the end of the VM, whichever is first. */
  #ask<K extends ControlOperation>(
    operation: K,
    request: GuestCalls[K]['request'],
    signal: AbortSignal,
  ): Promise<HostOutcome<unknown>> {
    const op = this.#lastOp
    const abandon = () => void this.#remote.cancel(op)
    signal.addEventListener('abort', abandon, { once: true })
    const answer = this.#untilEnd<unknown>(this.#remote.asks[operation](op, request))
    return answer.finally(() => signal.removeEventListener('abort', abandon))
  }

  #acts(op: number): Pick<ProcessLink, 'signal' | 'resize'> {
    return {
      signal: (number) => this.#untilEnd(this.#remote.signal(op, number)),
      resize: (rows, columns) => this.#untilEnd(this.#remote.resize(op, rows, columns)),
    }
  }

  /** comlink never settles a call whose thread is gone; the end of the VM does. */
  #untilEnd<A>(answer: Promise<HostOutcome<A>>): Promise<HostOutcome<A>> {
    if (this.#end !== null) return Promise.resolve(fail({ _tag: 'VmEnded', end: this.#end }))
    return new Promise((resolve, reject) => {
      this.#pending.add(resolve)
      answer.then(resolve, reject).finally(() => this.#pending.delete(resolve))
    })
  }

  async #live(ports: readonly MessagePort[], run: () => Promise<VmEnd>): Promise<VmEnd> {
    // What was posted before a port closed arrives before its `close`.
    const closed = Promise.all(ports.map((port) => once(port, 'close')))
    const end = await run().catch((error: unknown): VmEnd => {
      for (const port of ports) port.close()
      return { kind: 'thread-lost', detail: reasonOf(error), code: null, consoleTail: new Uint8Array(0) }
    })
    await closed
    this.#end = end
    for (const settle of this.#pending) settle(fail({ _tag: 'VmEnded', end }))
    this.#flow.close({ _tag: 'VmEnded', end })
    return end
  }
}

type CallOf<K extends Operation> = {
  [P in K]: [operation: P, request: GuestCalls[P]['request'], signal: AbortSignal]
}[K]

/** The exposed functions, fetched once: each access of a comlink proxy makes another. */
interface RemoteControl {
  readonly asks: {
    readonly [K in ControlOperation]: (
      op: number,
      request: GuestCalls[K]['request'],
    ) => Promise<HostOutcome<GuestCalls[K]['answer']>>
  }
  readonly signal: (op: number, number: number) => Promise<HostOutcome<null>>
  readonly resize: (op: number, rows: number, columns: number) => Promise<HostOutcome<null>>
  readonly cancel: (op: number) => Promise<void>
  readonly kill: () => Promise<void>
}

const remoteControl = (port: MessagePort): RemoteControl => {
  // comlink types its endpoint after the DOM; a MessagePort of Node has the same methods.
  const remote: Remote<ControlApi> = wrap<ControlApi>(port as unknown as Endpoint)
  const { exec, fetchFile, stat, list, remove, ping, poweroff, console, metrics } = remote
  const { cancel, signal, resize, kill } = remote
  return {
    asks: { exec, fetchFile, stat, list, remove, ping, poweroff, console, metrics },
    signal,
    resize,
    cancel,
    kill,
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
