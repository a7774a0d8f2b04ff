import * as Cause from 'effect/Cause'
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import type { BootFailed } from '../../errors/boot.ts'
import type { HostFailure, VmEnd } from '../../host/failure.ts'
import type { HostThreads, LinkObserver, Operation, VmLink } from '../../host/interface.ts'
import type { VmConfig } from '../../native/native.ts'
import type { ActorRef } from '../actor.ts'
import { spawnActor } from '../actor.ts'
import { explain } from './admission.ts'
import { behave } from './behaviour.ts'
import type { VmContext, VmDeadlines, VmView } from './context.ts'
import type { TimerName, VmInput } from './protocol/input.ts'
import type { RequestError } from './protocol/output.ts'
import type { VmState } from './state.ts'

/** What a VM's actor is started with. */
export interface VmOptions {
  readonly config: VmConfig
  readonly deadlines: VmDeadlines
  readonly maxInFlight: number
  readonly mailboxCapacity: number
  /** CLOCK_MONOTONIC when the VM was asked for; stage times count from it. */
  readonly requestedNs: bigint
  readonly onState: (view: VmView, from: VmState) => void
  readonly onStage: (view: VmView, stage: { readonly name: string; readonly atMs: number }) => void
}

/** A running VM's actor and what can be seen of it. */
export interface VmActor {
  readonly view: VmView
  readonly ref: ActorRef<VmInput>
  /** Why something that flows beside the actor broke off, once that is known. */
  readonly explain: (operation: Operation, failure: HostFailure) => Promise<RequestError>
}

/** Of a machine whose thread obeyed nothing, so that nobody knows. */
const UNKNOWN_END: VmEnd = {
  kind: 'killed',
  detail: 'with the runtime',
  code: null,
  consoleTail: new Uint8Array(0),
}

/** Stages kept of a boot; a guest cannot make the list grow. */
const MAX_STAGES = 64

/**
 * The whole life of a VM: starts it, tells `booted` whether it became ready, and
 * ends when nothing of it is left. Interrupted, it takes the machine down first.
 */
export const runVm = (
  threads: HostThreads,
  options: VmOptions,
  started: (actor: VmActor) => void,
  booted: Deferred.Deferred<void, BootFailed>,
): Effect.Effect<void> =>
  Effect.scoped(
    Effect.gen(function* () {
      const over = Deferred.makeUnsafe<void>()
      const view: VmView = { id: options.config.id, state: { name: 'booting' }, stages: [] }
      let vm: VmContext | null = null
      let lastEnd: VmEnd = UNKNOWN_END
      const ref: ActorRef<VmInput> = yield* spawnActor<VmInput>({
        name: `vm ${view.id}`,
        capacity: options.mailboxCapacity,
        receive: (message) => {
          if (vm !== null) advance(vm, options, message, over)
        },
      })
      // After the machine is down: an actor that is ended early may not get to hear of it.
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          if (vm !== null) advance(vm, options, { type: 'ended', end: lastEnd }, over)
        }),
      )
      const link = yield* Effect.acquireRelease(
        Effect.sync(() => threads.start(options.config, observer(view, ref, options))),
        (held) => takeDown(held, options.deadlines.killMs),
      )
      const tellEnd = async () => {
        lastEnd = await link.ended
        ref.notify({ type: 'ended', end: lastEnd })
      }
      void tellEnd()
      const context: VmContext = {
        view,
        link,
        deadlines: options.deadlines,
        maxInFlight: options.maxInFlight,
        inFlight: 0,
        cause: null,
        killed: false,
        stopRequests: [],
        answers: [],
        booted,
        ended: Promise.withResolvers(),
        startTimer: yield* timers(ref),
      }
      vm = context
      context.startTimer('boot', options.deadlines.bootMs)
      started({ view, ref, explain: (operation, failure) => explain(context, operation, failure) })
      yield* Effect.raceFirst(Deferred.await(over), ref.failure)
    }),
  ).pipe(Effect.onExit((exit) => Effect.sync(() => settleUnbooted(booted, exit))))

const advance = (
  vm: VmContext,
  options: VmOptions,
  message: VmInput,
  over: Deferred.Deferred<void>,
): void => {
  const from = vm.view.state
  const to = behave(vm, from, message)
  vm.view.state = to
  if (to.name !== from.name) options.onState(vm.view, from)
  for (const answer of vm.answers.splice(0)) answer()
  if (to.name === 'stopped' || to.name === 'failed') Deferred.doneUnsafe(over, Effect.void)
}

const observer = (view: VmView, ref: ActorRef<VmInput>, options: VmOptions): LinkObserver => ({
  onStage: (name, atNs) => {
    if (view.stages.length >= MAX_STAGES) return
    const stage = { name, atMs: Number(atNs - options.requestedNs) / 1e6 }
    // Those of the machine and those of its thread reach us on two ways.
    const after = view.stages.findLastIndex((earlier) => earlier.atMs <= stage.atMs)
    view.stages.splice(after + 1, 0, stage)
    options.onStage(view, stage)
  },
  onBooted: (agent) => ref.notify({ type: 'booted', agent }),
  onAgentLost: (failure) => ref.notify({ type: 'agent-lost', failure }),
})

/** Timers that end with the scope and go by the clock of the runtime, which tests replace. */
const timers = Effect.fnUntraced(function* (ref: ActorRef<VmInput>) {
  const scope = yield* Effect.scope
  const context = yield* Effect.context()
  const fork = Effect.runForkWith(context)
  return (name: TimerName, afterMs: number): void => {
    if (!Number.isFinite(afterMs)) return
    const fire = Effect.sync(() => ref.notify({ type: 'timer', name }))
    fork(Effect.forkIn(Effect.delay(fire, afterMs), scope, { startImmediately: true }))
  }
})

/** Kills what still runs; ends its thread when that does not help, and waits no longer than twice the deadline. */
const takeDown = (link: VmLink, killMs: number): Effect.Effect<void> => {
  const ended = Effect.promise(() => link.ended)
  return Effect.sync(() => link.kill()).pipe(
    Effect.andThen(Effect.timeoutOption(ended, killMs)),
    Effect.flatMap((end) => {
      if (end._tag === 'Some') return Effect.void
      link.terminateThread()
      return Effect.asVoid(Effect.timeoutOption(ended, killMs))
    }),
  )
}

/** Whoever waits for a boot learns that it is over, however the actor ended. */
const settleUnbooted = (booted: Deferred.Deferred<void, BootFailed>, exit: Exit.Exit<void>): void => {
  const cause = Exit.isFailure(exit) ? exit.cause : null
  const defect = cause !== null && !Cause.hasInterruptsOnly(cause)
  Deferred.doneUnsafe(booted, defect ? Effect.failCause(cause) : Effect.interrupt)
}
