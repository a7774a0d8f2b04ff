import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import type { VmEnd } from '../../host/failure.ts'
import { bootFailed } from './boot-failure.ts'
import type { StopCause, VmContext } from './context.ts'
import { stoppedError } from './explain.ts'
import type { StopRequest } from './protocol/input.ts'
import type { VmState } from './state.ts'

/** Makes the vCPUs stop. `cause` is null when somebody asked for it. */
export const kill = (vm: VmContext, cause: StopCause | null): VmState => {
  vm.cause ??= cause
  if (!vm.killed) {
    vm.killed = true
    vm.link.kill()
    vm.startTimer('kill', vm.deadlines.killMs)
  }
  return { name: 'stopping' }
}

/** Asks the guest to stop, and notes who wants to know when it has. */
export const powerOff = (vm: VmContext, request: StopRequest): VmState => {
  vm.stopRequests.push(request)
  // Whatever it answers: what counts is whether the machine stops in time.
  void vm.link.call('poweroff', null, new AbortController().signal)
  if (request.manner === 'close') vm.startTimer('grace', request.graceMs)
  return { name: 'stopping' }
}

/** Nothing is left of the machine: answers everyone who waits for that. */
export const finish = (vm: VmContext, end: VmEnd): VmState => {
  const stopped = stoppedError(vm.view.id, end, vm.cause)
  const report = { forced: vm.killed, detail: `${end.kind}: ${end.detail}` }
  const wasReady = Deferred.isDoneUnsafe(vm.booted)
  const failed = wasReady ? null : bootFailed(vm.view.id, vm.view.stages, end, vm.cause)
  vm.answers.push(() => {
    vm.ended.resolve(stopped)
    if (failed !== null) Deferred.doneUnsafe(vm.booted, Effect.fail(failed))
    for (const { reply } of vm.stopRequests) Deferred.doneUnsafe(reply, Effect.succeed(report))
  })
  if (failed !== null) return { name: 'failed', reason: failed }
  const meant = vm.cause === null && (end.kind === 'reset' || end.kind === 'killed')
  return { name: meant ? 'stopped' : 'failed', reason: stopped }
}
