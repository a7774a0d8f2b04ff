import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import type { BootFailed } from '../../../errors/boot.ts'
import { IllegalState, VmStopped } from '../../../errors/vm.ts'
import type { VmContext } from '../context.ts'
import type { VmInput } from '../protocol/input.ts'
import type { VmState } from '../state.ts'

/** Stopped or failed: everything is answered with why. */
export const ended = (
  vm: VmContext,
  state: VmState,
  reason: BootFailed | VmStopped,
  message: VmInput,
): VmState => {
  switch (message.type) {
    case 'guest':
      message.refuse(
        reason instanceof VmStopped
          ? reason
          : new IllegalState({ vm: vm.view.id, operation: message.operation, state: state.name }),
      )
      return state
    case 'stop':
      Deferred.doneUnsafe(message.reply, Effect.succeed({ forced: vm.killed, detail: reason.message }))
      return state
    case 'booted':
    case 'agent-lost':
    case 'ended':
    case 'timer':
      return state
  }
}
