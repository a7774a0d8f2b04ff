import { admit } from '../admission.ts'
import type { VmContext } from '../context.ts'
import type { VmInput } from '../protocol/input.ts'
import type { VmState } from '../state.ts'
import { finish, kill, powerOff } from '../transitions.ts'

/** The agent answers: the guest does what it is asked. */
export const ready = (vm: VmContext, state: VmState, message: VmInput): VmState => {
  switch (message.type) {
    case 'guest':
      admit(vm, message)
      return state
    case 'stop':
      if (message.manner !== 'kill') return powerOff(vm, message)
      vm.stopRequests.push(message)
      return kill(vm, null)
    case 'agent-lost':
      if (message.failure._tag === 'ProtocolViolation')
        return kill(vm, { type: 'agent-lost', failure: message.failure })
      // A kernel whose PID 1 is gone panics; that says more, so it gets the time to.
      vm.cause = { type: 'agent-lost', failure: message.failure }
      vm.startTimer('agent-exit', vm.deadlines.agentExitMs)
      return { name: 'stopping' }
    case 'ended':
      return finish(vm, message.end)
    case 'booted':
    case 'timer':
      return state
  }
}
