import type { VmContext } from './context.ts'
import type { VmInput } from './protocol/input.ts'
import type { VmState } from './state.ts'
import { booting } from './states/booting.ts'
import { ended } from './states/ended.ts'
import { ready } from './states/ready.ts'
import { stopping } from './states/stopping.ts'

/** What a VM does about a message in the state that it is in; answers the state that it is in then. */
export const behave = (vm: VmContext, state: VmState, message: VmInput): VmState => {
  switch (state.name) {
    case 'booting':
      return booting(vm, state, message)
    case 'ready':
      return ready(vm, state, message)
    case 'stopping':
      return stopping(vm, state, message)
    case 'stopped':
    case 'failed':
      return ended(vm, state, state.reason, message)
  }
}
