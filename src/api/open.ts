import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Scope from 'effect/Scope'
import type { Result } from 'neverthrow'
import { ResultAsync, err, ok } from 'neverthrow'
import type { EventBus } from '../actors/events.ts'
import type { Runtime } from '../actors/runtime.ts'
import { makeRuntime } from '../actors/runtime.ts'
import type { HostUnsupported } from '../errors/host.ts'
import { MissingArtifact } from '../errors/host.ts'
import type { InvalidOption } from '../errors/options.ts'
import { Aborted } from '../errors/waiting.ts'
import { defaultThreads, hostEntry, startHostThreads } from '../host/main/host-threads.ts'
import type { HostProbe } from '../native/native.ts'
import type { Prepare } from './artifacts.ts'
import { defaultCacheDir, prepareFrom } from './artifacts.ts'
import { checkOpen } from './check.ts'
import { capacityOf, probeHost } from './host.ts'
import type { HostCapacity, OpenOptions } from './options.ts'

/** What opening a runtime can fail with. */
export type OpenError = InvalidOption | HostUnsupported | MissingArtifact | Aborted

/** An open runtime, as the class that stands before it uses it. */
export interface OpenRuntime {
  readonly host: HostProbe
  readonly capacity: HostCapacity
  readonly prepare: Prepare
  readonly runtime: Runtime
  readonly close: (graceMs: number) => Promise<void>
}

/** What tests put in the place of the machine below. */
export interface Substitutes {
  /** Module that exports a `binding`. */
  readonly bindingModule: string
  readonly prepare: Prepare
}

const VMS_PER_THREAD = 32
const HEAP_MIB = 256
const WAITING_STARTS = 128
const START_WAIT_MS = 60_000
/** As many as an agent admits. */
const REQUESTS_PER_VM = 256

/** Checks the options and the host, and makes the root of the tree. */
export const openRuntime = (
  options: OpenOptions,
  substitutes: Substitutes | null = null,
): ResultAsync<OpenRuntime, OpenError> => new ResultAsync(open(options, substitutes))

const open = async (
  options: OpenOptions,
  substitutes: Substitutes | null,
): Promise<Result<OpenRuntime, OpenError>> => {
  if (options.signal?.aborted === true)
    return err(new Aborted({ operation: 'open', reason: options.signal.reason }))
  const checked = checkOpen(options)
  if (checked.isErr()) return err(checked.error)
  if (!existsSync(hostEntry())) return err(new MissingArtifact({ what: 'host thread', path: hostEntry() }))
  const bindingModule = substitutes?.bindingModule ?? null
  const host = probeHost(bindingModule)
  if (host.isErr()) return err(host.error)
  const scope = Scope.makeUnsafe()
  const runtime = await Effect.runPromise(Scope.provide(root(options, bindingModule), scope))
  return ok({
    host: host.value,
    capacity: capacityOf(host.value),
    prepare: substitutes?.prepare ?? prepareFrom(options.cacheDir ?? defaultCacheDir()),
    runtime,
    close: (graceMs) =>
      Effect.runPromise(Effect.andThen(runtime.drain(graceMs), Scope.close(scope, Exit.void))),
  })
}

const root = (options: OpenOptions, bindingModule: string | null) => {
  const threads = options.hostThreads ?? defaultThreads()
  const vmsPerThread = options.vmsPerThread ?? VMS_PER_THREAD
  const makeThreads = (events: EventBus) =>
    startHostThreads({
      threads,
      vmsPerThread,
      heapMib: options.hostThreadHeapMib ?? HEAP_MIB,
      bindingModule,
      onError: ({ message }) => events.publish({ type: 'host-thread-error', message }),
    })
  return makeRuntime(makeThreads, {
    maxVms: threads * vmsPerThread,
    concurrentStarts: options.maxConcurrentStarts ?? 2 * availableParallelism(),
    waitingStarts: options.maxWaitingStarts ?? WAITING_STARTS,
    startWaitMs: options.startWaitMs ?? START_WAIT_MS,
    requestsPerVm: REQUESTS_PER_VM,
  })
}
