import { admitOrRefuse } from '../admission.ts'
import type { VmContext } from '../context.ts'
import type { VmInput } from '../protocol/input.ts'
import type { VmState } from '../state.ts'
import { finish, kill } from '../transitions.ts'

/** On the way to the end, by itself or by force; only the end leads out. */
export const stopping = (vm: VmContext, state: VmState, message: VmInput): VmState => {
  switch (message.type) {
    case 'guest':
      admitOrRefuse(vm, state, message)
      return state
    case 'stop':
      vm.stopRequests.push(message)
      if (message.manner === 'kill') return kill(vm, null)
      if (message.manner === 'close') vm.startTimer('grace', message.graceMs)
      return state
    case 'timer':
      if (message.name === 'grace' || message.name === 'agent-exit') return kill(vm, null)
      if (message.name === 'kill') vm.link.terminateThread()
      return state
    case 'ended':
      return finish(vm, message.end)
    case 'booted':
    case 'agent-lost':
      return state
  }
}
