/** The public interface with promises that reject with an ActovisorError, for those who like to throw. */
import type { ResultAsync } from 'neverthrow'
import type { RuntimeEvent } from './actors/events.ts'
import type { RuntimeStats } from './actors/runtime.ts'
import type { StopReport } from './actors/vm/protocol/output.ts'
import type { VmStateName } from './actors/vm/state.ts'
import { Actovisor as ResultActovisor } from './api/actovisor.ts'
import type { Contents, FileStat, Files as ResultFiles } from './api/files.ts'
import type { ExecOptions, OpenOptions, SpawnOptions, StartOptions, WaitOptions } from './api/options.ts'
import type { Process as ResultProcess, Signal } from './api/process.ts'
import type { ExecResult, ExitStatus } from './api/results.ts'
import type { GuestWriter as ResultGuestWriter } from './api/streams.ts'
import type { Vm as ResultVm } from './api/vm.ts'
import type { BootStage } from './errors/boot.ts'
import type { VmStopped } from './errors/vm.ts'
import type { HostedMetrics } from './host/interface.ts'
import type { HostProbe } from './native/native.ts'

export type * from './index.ts'
export * from './errors/index.ts'

/** A runtime of microVMs inside this process. */
export class Actovisor implements AsyncDisposable {
  readonly #inner: ResultActovisor

  /** @internal Use `Actovisor.open`. */
  constructor(inner: ResultActovisor) {
    this.#inner = inner
  }

  static async open(options: OpenOptions = {}): Promise<Actovisor> {
    return new Actovisor(await unwrap(ResultActovisor.open(options)))
  }

  get host(): HostProbe {
    return this.#inner.host
  }

  async start(options: StartOptions = {}): Promise<Vm> {
    return new Vm(await unwrap(this.#inner.start(options)))
  }

  events(): AsyncIterableIterator<RuntimeEvent> {
    return this.#inner.events()
  }

  stats(): RuntimeStats {
    return this.#inner.stats()
  }

  close(options: { readonly graceMs?: number } = {}): Promise<void> {
    return unwrap(this.#inner.close(options))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#inner[Symbol.asyncDispose]()
  }
}

/** A running Linux guest. */
export class Vm implements AsyncDisposable {
  readonly files: Files
  readonly #inner: ResultVm

  /** @internal Made by `Actovisor.start`. */
  constructor(inner: ResultVm) {
    this.#inner = inner
    this.files = new Files(inner.files)
  }

  get id(): string {
    return this.#inner.id
  }

  get state(): VmStateName {
    return this.#inner.state
  }

  get stopReason(): VmStopped | null {
    return this.#inner.stopReason
  }

  get stages(): readonly BootStage[] {
    return this.#inner.stages
  }

  get guest(): { readonly kernel: string; readonly agent: string } {
    return this.#inner.guest
  }

  exec(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    return unwrap(this.#inner.exec(argv, options))
  }

  async spawn(argv: readonly string[], options: SpawnOptions = {}): Promise<Process> {
    return new Process(await unwrap(this.#inner.spawn(argv, options)))
  }

  ping(options: WaitOptions = {}): Promise<number> {
    return unwrap(this.#inner.ping(options))
  }

  console(options: Parameters<ResultVm['console']>[0] = {}): Promise<Uint8Array> {
    return unwrap(this.#inner.console(options))
  }

  metrics(options: WaitOptions = {}): Promise<HostedMetrics> {
    return unwrap(this.#inner.metrics(options))
  }

  poweroff(options: WaitOptions = {}): Promise<StopReport> {
    return unwrap(this.#inner.poweroff(options))
  }

  kill(options: WaitOptions = {}): Promise<StopReport> {
    return unwrap(this.#inner.kill(options))
  }

  close(options: Parameters<ResultVm['close']>[0] = {}): Promise<StopReport> {
    return unwrap(this.#inner.close(options))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#inner[Symbol.asyncDispose]()
  }
}

/** A program that runs in a guest. */
export class Process {
  readonly pid: number
  readonly stdout: AsyncIterableIterator<Uint8Array>
  readonly stderr: AsyncIterableIterator<Uint8Array>
  readonly stdin: GuestWriter | null
  readonly #inner: ResultProcess

  /** @internal Made by `Vm.spawn`. */
  constructor(inner: ResultProcess) {
    this.#inner = inner
    this.pid = inner.pid
    this.stdout = inner.stdout
    this.stderr = inner.stderr
    this.stdin = inner.stdin === null ? null : new GuestWriter(inner.stdin)
  }

  get exit(): Promise<ExitStatus> {
    return unwrap(this.#inner.exit)
  }

  kill(signal: Signal = 'SIGTERM'): Promise<void> {
    return unwrap(this.#inner.kill(signal))
  }

  resize(size: Parameters<ResultProcess['resize']>[0]): Promise<void> {
    return unwrap(this.#inner.resize(size))
  }
}

/** Writes to a guest; each write settles when the guest has room for the next. */
export class GuestWriter {
  readonly #inner: ResultGuestWriter

  /** @internal Made by `Vm.spawn`. */
  constructor(inner: ResultGuestWriter) {
    this.#inner = inner
  }

  write(bytes: Uint8Array | string): Promise<void> {
    return unwrap(this.#inner.write(bytes))
  }

  end(): Promise<void> {
    return unwrap(this.#inner.end())
  }
}

/** The files of a guest. */
export class Files {
  readonly #inner: ResultFiles

  /** @internal Made by `Vm`. */
  constructor(inner: ResultFiles) {
    this.#inner = inner
  }

  write(path: string, contents: Contents, options?: Parameters<ResultFiles['write']>[2]): Promise<bigint> {
    return unwrap(this.#inner.write(path, contents, options))
  }

  read(path: string, options?: Parameters<ResultFiles['read']>[1]): Promise<Uint8Array> {
    return unwrap(this.#inner.read(path, options))
  }

  readStream(
    path: string,
    options?: Parameters<ResultFiles['readStream']>[1],
  ): Promise<AsyncIterableIterator<Uint8Array>> {
    return unwrap(this.#inner.readStream(path, options))
  }

  stat(path: string, options?: Parameters<ResultFiles['stat']>[1]): Promise<FileStat> {
    return unwrap(this.#inner.stat(path, options))
  }

  list(path: string, options?: WaitOptions): Promise<FileStat[]> {
    return unwrap(this.#inner.list(path, options))
  }

  remove(path: string, options?: Parameters<ResultFiles['remove']>[1]): Promise<void> {
    return unwrap(this.#inner.remove(path, options))
  }
}

const unwrap = async <A, E extends Error>(result: ResultAsync<A, E>): Promise<A> => {
  const settled = await result
  if (settled.isErr()) throw settled.error
  return settled.value
}
