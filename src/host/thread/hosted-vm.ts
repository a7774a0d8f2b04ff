import { threadId } from 'node:worker_threads'
import { AgentClient } from '../../agent/client.ts'
import type { Hello } from '../../agent/generated/agent_pb.ts'
import { nativeFailure } from '../../native/errors.ts'
import { loadBinding } from '../../native/load.ts'
import type { NativeVm, VmEvent } from '../../native/native.ts'
import type { VmEnd } from '../failure.ts'
import type { AgentIdentity } from '../interface.ts'
import type { VmLaunch } from '../protocol/launch.ts'
import type { FlowOutput } from '../protocol/output.ts'
import { serveControl } from './control-server.ts'
import { FlowServer } from './flow-server.ts'
import { vsockLink } from './vsock-link.ts'

/** The port of the host that an agent connects to. */
const AGENT_PORT = 1024

/** What of the console goes with the end of a VM. */
const END_CONSOLE_BYTES = 16 * 1024

/** Runs a VM on this thread; settles when nothing of it is left here. */
export const hostVm = (launch: VmLaunch): Promise<VmEnd> =>
  new Promise((resolve) => {
    const hosted = new HostedVm(launch, resolve)
    hosted.start()
  })

/** A VM, its agent and its two ports, from the first event to the last. */
export class HostedVm {
  readonly #launch: VmLaunch
  readonly #done: (end: VmEnd) => void
  readonly #flow: FlowServer
  #vm: NativeVm | null = null
  #client: AgentClient | null = null
  #connection: number | null = null
  #refused = 0
  #over = false

  constructor(launch: VmLaunch, done: (end: VmEnd) => void) {
    this.#launch = launch
    this.#done = done
    this.#flow = new FlowServer(
      launch.flow,
      () => this.#client,
      (work) => this.#guarded(work),
    )
  }

  get client(): AgentClient | null {
    return this.#client
  }

  get vm(): NativeVm | null {
    return this.#vm
  }

  get flow(): FlowServer {
    return this.#flow
  }

  get refusedConnections(): number {
    return this.#refused
  }

  start(): void {
    this.#tell({ type: 'placed', threadId })
    this.#stage('thread')
    this.#guarded(() => this.#create())()
  }

  kill(): void {
    if (!this.#over) this.#vm?.kill()
  }

  #create(): void {
    const binding = loadBinding(this.#launch.bindingModule)
    try {
      this.#vm = binding.createVm(this.#launch.config, this.#guarded(this.#wake))
    } catch (error) {
      const { code, message } = nativeFailure(error)
      return this.#finish('not-created', message, code)
    }
    this.#stage('created')
    serveControl(this.#launch.control, this)
    this.#vm.start()
  }

  #wake = (): void => {
    for (const event of this.#over ? [] : (this.#vm?.takeEvents() ?? [])) this.#event(event)
  }

  /** A defect in the work for one VM ends that VM, not its thread with the others on it. */
  #guarded(work: () => void): () => void {
    return () => {
      try {
        work()
      } catch (error) {
        this.#finish(
          'internal-error',
          error instanceof Error ? (error.stack ?? error.message) : String(error),
        )
      }
    }
  }

  #event(event: VmEvent): void {
    switch (event.type) {
      case 'stage':
        return this.#tell({ type: 'stage', name: event.name, atNs: event.atNs })
      case 'vsock-open':
        return this.#opened(event.connection, event.port)
      case 'vsock-readable':
        if (event.connection === this.#connection) this.#client?.readable()
        return
      case 'vsock-writable':
        if (event.connection === this.#connection) this.#client?.writable()
        return
      case 'vsock-closed':
        if (event.connection === this.#connection)
          this.#client?.end({ _tag: 'LinkEnded', reason: event.reason })
        return
      case 'exit':
        return this.#finish(event.kind, event.detail)
    }
  }

  /** Only the first connection is the agent's: PID 1 opens it before anything else can run. */
  #opened(connection: number, port: number): void {
    if (port !== AGENT_PORT || this.#client !== null || this.#vm === null) {
      this.#refused += 1
      this.#vm?.vsockClose(connection)
      return
    }
    this.#stage('agent-connected')
    this.#connection = connection
    this.#client = new AgentClient(vsockLink(this.#vm, connection), {
      onReady: (hello) => this.#booted(hello),
      onEnd: (failure) => {
        if (!this.#over) this.#tell({ type: 'agent-lost', failure })
      },
      yieldReading: (resume) => void setImmediate(this.#guarded(resume)),
    })
  }

  #booted(hello: Hello): void {
    this.#stage('agent-ready')
    const agent: AgentIdentity = {
      version: hello.agentVersion,
      kernel: hello.kernel,
      startedNs: hello.startedNs,
      readyNs: hello.readyNs,
    }
    this.#tell({ type: 'booted', agent })
  }

  #finish(kind: VmEnd['kind'], detail: string, code: VmEnd['code'] = null): void {
    if (this.#over) return
    this.#over = true
    let consoleTail = new Uint8Array(0)
    try {
      this.#client?.end({ _tag: 'LinkEnded', reason: `the machine stopped (${kind})` })
      consoleTail = Uint8Array.from(this.#vm?.consoleTail(END_CONSOLE_BYTES) ?? [])
      this.#vm?.close()
    } finally {
      // Answers that were just given are posted by promises; they leave before the ports close.
      setImmediate(() => {
        this.#flow.flush()
        this.#launch.control.close()
        this.#launch.flow.close()
        this.#done({ kind, detail, code, consoleTail })
      })
    }
  }

  #stage(name: string): void {
    this.#tell({ type: 'stage', name, atNs: process.hrtime.bigint() })
  }

  #tell(message: FlowOutput): void {
    this.#flow.tell(message)
  }
}
