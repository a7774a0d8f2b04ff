import * as Effect from 'effect/Effect'
import { ResultAsync, okAsync } from 'neverthrow'
import type { RuntimeEvent } from '../actors/events.ts'
import type { RuntimeStats, StartError } from '../actors/runtime.ts'
import type { MissingArtifact } from '../errors/host.ts'
import { RuntimeClosed } from '../errors/host.ts'
import type { ImageFailed } from '../errors/image.ts'
import type { InvalidOption } from '../errors/options.ts'
import type { Aborted } from '../errors/waiting.ts'
import type { HostProbe } from '../native/native.ts'
import { toResultAsync } from './bridge.ts'
import { checkStart } from './check.ts'
import { flavourOf, machineConfig } from './machine.ts'
import type { OpenError, OpenRuntime } from './open.ts'
import { openRuntime } from './open.ts'
import type { OpenOptions, StartOptions } from './options.ts'
import { programDefaults } from './program.ts'
import { Vm } from './vm.ts'

/** What starting a VM can fail with. */
export type StartVmError = StartError | InvalidOption | MissingArtifact | ImageFailed | Aborted

const BOOT_MS = 30_000
/** Sync and unmount of guests that have little to write. */
const GRACE_MS = 5_000

/** A runtime of microVMs inside this process. */
export class Actovisor implements AsyncDisposable {
  readonly #open: OpenRuntime
  #closing: ResultAsync<void, never> | null = null

  /** Looks at the host and starts the threads that VMs are put on. */
  static open(options: OpenOptions = {}): ResultAsync<Actovisor, OpenError> {
    return openRuntime(options).map((open) => new Actovisor(open))
  }

  /** @internal Use `Actovisor.open`. */
  constructor(open: OpenRuntime) {
    this.#open = open
  }

  /** What kind of host this is. */
  get host(): HostProbe {
    return this.#open.host
  }

  /** Boots a VM; answers when its agent is ready. */
  start(options: StartOptions = {}): ResultAsync<Vm, StartVmError> {
    const { capacity, prepare, runtime } = this.#open
    return checkStart(options, capacity).asyncAndThen((): ResultAsync<Vm, StartVmError> => {
      const started = Effect.gen(function* () {
        const flavour = flavourOf(options, capacity.flavour)
        const prepared = yield* prepare(options, flavour)
        const config = machineConfig(options, prepared, flavour)
        const handle = yield* runtime.start({ config, bootMs: options.bootTimeoutMs ?? BOOT_MS })
        return new Vm(handle, programDefaults(options, prepared))
      })
      const open = this.#closing === null ? started : Effect.fail(new RuntimeClosed())
      return toResultAsync(open, { operation: 'start', signal: options.signal })
    })
  }

  /** What happens from now on. A listener that is too slow loses the oldest events, and is told how many. */
  events(): AsyncIterableIterator<RuntimeEvent> {
    return this.#open.runtime.events.listen()
  }

  stats(): RuntimeStats {
    return this.#open.runtime.stats()
  }

  /** Starts nothing any more, asks every guest to power itself off, kills those that have not within `graceMs`, and ends the threads. */
  close({ graceMs = GRACE_MS }: { readonly graceMs?: number } = {}): ResultAsync<void, never> {
    this.#closing ??= new ResultAsync(this.#open.close(graceMs).then(() => okAsync<void, never>(undefined)))
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
