import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import { admitOrRefuse } from '../admission.ts'
import type { VmContext } from '../context.ts'
import type { VmInput } from '../protocol/input.ts'
import type { VmState } from '../state.ts'
import { finish, kill } from '../transitions.ts'

/** From the request for a VM to the first word of its agent. */
export const booting = (vm: VmContext, state: VmState, message: VmInput): VmState => {
  switch (message.type) {
    case 'booted':
      vm.answers.push(() => Deferred.doneUnsafe(vm.booted, Effect.void))
      return { name: 'ready', agent: message.agent }
    case 'guest':
      admitOrRefuse(vm, state, message)
      return state
    case 'stop':
      // Nothing of the guest's is worth a grace yet.
      vm.stopRequests.push(message)
      return kill(vm, null)
    case 'agent-lost':
      return kill(vm, { type: 'agent-lost', failure: message.failure })
    case 'timer':
      if (message.name !== 'boot') return state
      return kill(vm, { type: 'boot-deadline', deadlineMs: vm.deadlines.bootMs })
    case 'ended':
      return finish(vm, message.end)
  }
}
