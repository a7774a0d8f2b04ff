import { randomInt } from 'node:crypto'
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import * as FiberMap from 'effect/FiberMap'
import type * as Scope from 'effect/Scope'
import type { BootFailed } from '../errors/boot.ts'
import { RuntimeClosed } from '../errors/host.ts'
import type { DeadlineExceeded } from '../errors/waiting.ts'
import { Overloaded } from '../errors/waiting.ts'
import type { HostThreads } from '../host/interface.ts'
import type { VmConfig } from '../native/native.ts'
import { EventBus } from './events.ts'
import { SpawnGate } from './spawn-gate.ts'
import type { VmView } from './vm/context.ts'
import { VmHandle } from './vm/handle.ts'
import type { VmStateName } from './vm/state.ts'
import type { VmActor } from './vm/vm.ts'
import { runVm } from './vm/vm.ts'

/** The ceilings of a runtime. */
export interface RuntimeLimits {
  readonly maxVms: number
  readonly concurrentStarts: number
  readonly waitingStarts: number
  /** How long a request for a VM may wait for its turn. */
  readonly startWaitMs: number
  readonly requestsPerVm: number
}

/** What is asked of a runtime: a machine, and how long its boot may take. */
export interface StartRequest {
  readonly config: Omit<VmConfig, 'id'>
  readonly bootMs: number
}

export type StartError = BootFailed | Overloaded | DeadlineExceeded | RuntimeClosed

export interface RuntimeStats {
  /** VMs by state; ended ones are forgotten. */
  readonly vms: Readonly<Partial<Record<VmStateName, number>>>
  readonly startsRunning: number
  readonly startsWaiting: number
  readonly startsRejected: number
  readonly startedTotal: number
  readonly failedTotal: number
  readonly hostThreads: number
  readonly eventsDropped: number
}

/** The root of the tree: every VM is a child of it and ends with its scope. */
export interface Runtime {
  readonly start: (request: StartRequest) => Effect.Effect<VmHandle, StartError>
  /** Lets nothing start any more and stops every VM, gently for `graceMs`. */
  readonly drain: (graceMs: number) => Effect.Effect<void>
  readonly events: EventBus
  readonly stats: () => RuntimeStats
}

/** A PID 1 that is gone makes its kernel panic within milliseconds; the rest is for a loaded host. */
const AGENT_EXIT_MS = 2_000
/** vCPUs stop within a millisecond of being told; a thread that takes this long hangs. */
const KILL_MS = 5_000
/** Messages that wait for a VM: requests are admitted in microseconds, so a fuller one is a flood. */
const MAILBOX_CAPACITY = 1_024

/** Makes the root; its scope ends the VMs first and the threads after them. */
export const makeRuntime = Effect.fnUntraced(function* (
  makeThreads: (events: EventBus) => HostThreads,
  limits: RuntimeLimits,
): Effect.fn.Return<Runtime, never, Scope.Scope> {
  const events = new EventBus()
  const threads = yield* Effect.acquireRelease(
    Effect.sync(() => makeThreads(events)),
    (held) =>
      Effect.andThen(
        Effect.promise(() => held.close()),
        Effect.sync(() => events.close()),
      ),
  )
  const fibers = yield* FiberMap.make<string, void, never>()
  const gate = new SpawnGate({ concurrent: limits.concurrentStarts, waiting: limits.waitingStarts })
  const actors = new Map<string, VmActor>()
  const counts = { started: 0, failed: 0 }
  let closed = false

  const boot = (request: StartRequest, requestedNs: bigint): Effect.Effect<VmHandle, StartError> =>
    Effect.suspend((): Effect.Effect<VmHandle, StartError> => {
      if (closed) return Effect.fail(new RuntimeClosed())
      const id = freshId(actors)
      const booted = Deferred.makeUnsafe<void, BootFailed>()
      let actor: VmActor | null = null
      const life = runVm(
        threads,
        {
          config: { ...request.config, id },
          deadlines: { bootMs: request.bootMs, agentExitMs: AGENT_EXIT_MS, killMs: KILL_MS },
          maxInFlight: limits.requestsPerVm,
          mailboxCapacity: MAILBOX_CAPACITY,
          requestedNs,
          onState: (view, from) => publishState(events, view, from.name),
          onStage: (view, { name, atMs }) =>
            events.publish({ type: 'vm-stage', vm: view.id, stage: name, atMs }),
        },
        (vm) => {
          actor = vm
          actors.set(id, vm)
        },
        booted,
      ).pipe(Effect.ensuring(Effect.sync(() => actors.delete(id))))
      return FiberMap.run(fibers, id, life, { startImmediately: true }).pipe(
        Effect.andThen(Deferred.await(booted)),
        Effect.flatMap(() =>
          actor === null
            ? Effect.die(new Error('a boot without an actor'))
            : Effect.succeed(new VmHandle(actor)),
        ),
        Effect.onError(() => FiberMap.remove(fibers, id)),
      )
    })

  const start = (request: StartRequest): Effect.Effect<VmHandle, StartError> =>
    Effect.suspend((): Effect.Effect<VmHandle, StartError> => {
      if (closed) return Effect.fail(new RuntimeClosed())
      if (actors.size + gate.waiting >= limits.maxVms) {
        const advice = 'close some, or raise hostThreads or vmsPerThread'
        return Effect.fail(new Overloaded({ limit: 'VMs', value: limits.maxVms, advice }))
      }
      const requestedNs = process.hrtime.bigint()
      return gate.admit(boot(request, requestedNs), limits.startWaitMs)
    }).pipe(
      Effect.tap(() => Effect.sync(() => (counts.started += 1))),
      Effect.tapError(() => Effect.sync(() => (counts.failed += 1))),
      Effect.catch((error) => Effect.fail(closed ? new RuntimeClosed() : error)),
    )

  return {
    start,
    drain: (graceMs) =>
      Effect.suspend(() => {
        closed = true
        const handles = [...actors.values()].map((actor) => new VmHandle(actor))
        const stop = (handle: VmHandle) => Effect.ignore(handle.stop('close', graceMs, graceMs + 2 * KILL_MS))
        return Effect.forEach(handles, stop, { concurrency: 'unbounded', discard: true })
      }),
    events,
    stats: () => ({
      vms: countStates(actors.values()),
      startsRunning: gate.running,
      startsWaiting: gate.waiting,
      startsRejected: gate.rejected,
      startedTotal: counts.started,
      failedTotal: counts.failed,
      hostThreads: threads.threadCount,
      eventsDropped: events.dropped,
    }),
  }
})

const publishState = (events: EventBus, view: VmView, from: VmStateName): void =>
  events.publish({ type: 'vm-state', vm: view.id, from, to: view.state.name })

const countStates = (actors: Iterable<VmActor>): Partial<Record<VmStateName, number>> => {
  const counts: Partial<Record<VmStateName, number>> = {}
  for (const { view } of actors) counts[view.state.name] = (counts[view.state.name] ?? 0) + 1
  return counts
}

const ID_CHARACTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** Ids are of the whole process, in which there may be several runtimes: drawn, not counted. */
const freshId = (taken: ReadonlyMap<string, unknown>): string => {
  const id = Array.from({ length: 8 }, () => ID_CHARACTERS[randomInt(ID_CHARACTERS.length)]).join('')
  return taken.has(id) ? freshId(taken) : id
}
