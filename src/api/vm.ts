import type { ResultAsync } from 'neverthrow'
import type { VmHandle } from '../actors/vm/handle.ts'
import type { RequestError, StopReport } from '../actors/vm/protocol/output.ts'
import type { VmStateName } from '../actors/vm/state.ts'
import type { BootStage } from '../errors/boot.ts'
import type { InvalidOption } from '../errors/options.ts'
import type { VmStopped } from '../errors/vm.ts'
import type { Aborted } from '../errors/waiting.ts'
import type { AgentIdentity, HostedMetrics } from '../host/interface.ts'
import { toResultAsync } from './bridge.ts'
import { VmCalls } from './calls.ts'
import { checkProgram, checkWait } from './check.ts'
import { Files } from './files.ts'
import type { ExecOptions, SpawnOptions, WaitOptions } from './options.ts'
import { Process } from './process.ts'
import type { ProgramDefaults } from './program.ts'
import { program } from './program.ts'
import { ExecResult } from './results.ts'

/** What can go wrong with something asked of a VM. */
export type VmError = RequestError | InvalidOption | Aborted

const EXEC_MS = 600_000
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024
const CONSOLE_BYTES = 16 * 1024
/** The guest kills at its deadline; this much later we stop waiting for it to say so. */
const GUEST_LATE_MS = 5_000
/** Sync and unmount of a guest that has little to write. */
const GRACE_MS = 5_000
/** What a stop may take beyond its grace: the kill, and the end of a thread that does not obey. */
const STOP_MS = 15_000

/** A running Linux guest. */
export class Vm implements AsyncDisposable {
  readonly id: string
  readonly files: Files
  readonly #handle: VmHandle
  readonly #calls: VmCalls
  readonly #defaults: ProgramDefaults
  readonly #agent: AgentIdentity | null

  /** @internal Made by `Actovisor.start`. */
  constructor(handle: VmHandle, defaults: ProgramDefaults) {
    const { view } = handle
    this.#handle = handle
    this.#defaults = defaults
    this.#calls = new VmCalls(handle)
    this.#agent = view.state.name === 'ready' ? view.state.agent : null
    this.id = view.id
    this.files = new Files(this.#calls)
  }

  get state(): VmStateName {
    return this.#handle.view.state.name
  }

  /** Why it is `stopped` or `failed`; null before. */
  get stopReason(): VmStopped | null {
    const { state } = this.#handle.view
    return (state.name === 'stopped' || state.name === 'failed') && state.reason._tag === 'VmStopped'
      ? state.reason
      : null
  }

  /** What its boot passed, and when, in ms since it was asked for. */
  get stages(): readonly BootStage[] {
    return [...this.#handle.view.stages]
  }

  /** Release of the guest kernel, and version of the agent. */
  get guest(): { readonly kernel: string; readonly agent: string } {
    return { kernel: this.#agent?.kernel ?? '', agent: this.#agent?.version ?? '' }
  }

  /** Runs a program to its end. What the program did is the result; an error is that it could not be run. */
  exec(argv: readonly string[], options: ExecOptions = {}): ResultAsync<ExecResult, VmError> {
    const { timeoutMs = EXEC_MS, maxOutputBytes = MAX_OUTPUT_BYTES, input, signal } = options
    return checkProgram({ ...options, argv })
      .asyncAndThen(() => {
        const request = {
          ...program(argv, timeoutMs, this.#defaults, options),
          input: typeof input === 'string' ? new TextEncoder().encode(input) : (input ?? null),
          maxOutputBytes,
        }
        const deadlineMs = timeoutMs === 0 ? Infinity : timeoutMs + GUEST_LATE_MS
        return toResultAsync(this.#handle.call('exec', request, deadlineMs), { operation: 'exec', signal })
      })
      .map((report) => new ExecResult(report))
  }

  /** Starts a program whose streams stay open. */
  spawn(argv: readonly string[], options: SpawnOptions = {}): ResultAsync<Process, VmError> {
    const { tty, stdin = 'none', timeoutMs = 0, signal } = options
    return checkProgram({ ...options, argv })
      .asyncAndThen(() => {
        const request = {
          ...program(argv, timeoutMs, this.#defaults, options),
          tty: tty ?? null,
          stdin: stdin === 'pipe',
        }
        return this.#calls.ask('spawn', request, { signal })
      })
      .map((link) => {
        if (signal !== undefined) cancelOn(signal, link)
        return new Process(link, this.#calls.explain)
      })
  }

  /** Asks the agent whether it is there; answers with the time that took, in ms. */
  ping(options: WaitOptions = {}): ResultAsync<number, VmError> {
    const before = performance.now()
    return this.#calls.ask('ping', null, options).map(() => performance.now() - before)
  }

  /** The last bytes of the serial console. */
  console(options: WaitOptions & { readonly maxBytes?: number } = {}): ResultAsync<Uint8Array, VmError> {
    return this.#calls.ask('console', { maxBytes: options.maxBytes ?? CONSOLE_BYTES }, options)
  }

  metrics(options: WaitOptions = {}): ResultAsync<HostedMetrics, VmError> {
    return this.#calls.ask('metrics', null, options)
  }

  /** Asks the guest to power itself off and waits until it has. */
  poweroff(options: WaitOptions = {}): ResultAsync<StopReport, VmError> {
    return this.#stop('poweroff', 0, options)
  }

  /** Stops the machine at once. */
  kill(options: WaitOptions = {}): ResultAsync<StopReport, VmError> {
    return this.#stop('kill', 0, options)
  }

  /** Asks the guest to power itself off, and kills it when it has not within `graceMs` (default 5 s). */
  close(
    options: { readonly graceMs?: number; readonly signal?: AbortSignal } = {},
  ): ResultAsync<StopReport, VmError> {
    const { graceMs = GRACE_MS, ...rest } = options
    return this.#stop('close', graceMs, { ...rest, timeoutMs: graceMs + STOP_MS })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = await this.close()
    if (closed.isErr()) throw closed.error
  }

  #stop(
    manner: 'poweroff' | 'kill' | 'close',
    graceMs: number,
    { timeoutMs, signal }: WaitOptions,
  ): ResultAsync<StopReport, VmError> {
    return checkWait(timeoutMs).asyncAndThen((checked) =>
      toResultAsync(this.#handle.stop(manner, graceMs, checked ?? STOP_MS), { operation: manner, signal }),
    )
  }
}

const cancelOn = (signal: AbortSignal, link: { cancel(): void; readonly ended: Promise<unknown> }): void => {
  const cancel = () => link.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  void link.ended.finally(() => signal.removeEventListener('abort', cancel))
  if (signal.aborted) cancel()
}
