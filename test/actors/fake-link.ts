import type { HostOutcome, VmEnd } from '../../src/host/failure.ts'
import type { HostThreads, LinkObserver, Operation, VmLink } from '../../src/host/interface.ts'
import type { VmConfig } from '../../src/native/native.ts'

interface FakeCall {
  readonly operation: Operation
  readonly request: unknown
  readonly signal: AbortSignal
  readonly answer: (outcome: HostOutcome<never>) => void
}

const AGENT = { version: '1', kernel: '6', startedNs: 1n, readyNs: 2n }

/** A VM without a thread: the test plays what becomes of it. */
export class FakeLink implements VmLink {
  readonly config: VmConfig
  readonly observer: LinkObserver
  readonly ended: Promise<VmEnd>
  readonly calls: FakeCall[] = []
  readonly #end = Promise.withResolvers<VmEnd>()
  #over = false
  killed = 0
  terminated = 0
  /** What `kill` leads to; null when the thread hangs. */
  onKill: (() => void) | null = () => this.end('killed', 'by the host')

  constructor(config: VmConfig, observer: LinkObserver) {
    this.config = config
    this.observer = observer
    this.ended = this.#end.promise
  }

  call(operation: Operation, request: unknown, signal: AbortSignal): Promise<HostOutcome<never>> {
    return new Promise((answer) => this.calls.push({ operation, request, signal, answer }))
  }

  kill(): void {
    if (this.#over) return
    this.killed += 1
    this.onKill?.()
  }

  terminateThread(): void {
    this.terminated += 1
    this.end('thread-lost', 'terminated')
  }

  boots(): void {
    this.observer.onBooted(AGENT)
  }

  end(kind: VmEnd['kind'], detail = 'scripted', console = 'the console\n', code: VmEnd['code'] = null): void {
    this.#over = true
    this.#end.resolve({ kind, detail, code, consoleTail: Buffer.from(console) })
  }
}

/** Threads whose VMs are all played by the test. */
export class FakeThreads implements HostThreads {
  readonly threadCount = 1
  readonly links: FakeLink[] = []
  closed = 0
  /** Whether VMs become ready by themselves. */
  bootsAtOnce = false

  get last(): FakeLink {
    const link = this.links.at(-1)
    if (link === undefined) throw new Error('no VM was started')
    return link
  }

  start(config: VmConfig, observer: LinkObserver): VmLink {
    const link = new FakeLink(config, observer)
    this.links.push(link)
    if (this.bootsAtOnce) queueMicrotask(() => link.boots())
    return link
  }

  close(): Promise<void> {
    this.closed += 1
    return Promise.resolve()
  }
}
