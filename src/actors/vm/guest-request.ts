import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import type { HostOutcome } from '../../host/failure.ts'
import type { GuestCalls, Operation } from '../../host/interface.ts'
import type { Reply } from '../actor.ts'
import type { GuestRequest } from './protocol/input.ts'
import type { RequestError } from './protocol/output.ts'

/** The message that asks a VM for an operation of its guest, or of its host thread. */
export const guestRequest = <K extends Operation>(
  operation: K,
  request: GuestCalls[K]['request'],
  signal: AbortSignal,
  reply: Reply<GuestCalls[K]['answer'], RequestError>,
): GuestRequest => ({
  type: 'guest',
  operation,
  abandoned: () => Deferred.isDoneUnsafe(reply),
  carryOut: async (link) => {
    try {
      const outcome: HostOutcome<GuestCalls[K]['answer']> = await link.call(operation, request, signal)
      if (!outcome.ok) return outcome.error
      Deferred.doneUnsafe(reply, Effect.succeed(outcome.value))
    } catch (defect) {
      Deferred.doneUnsafe(reply, Effect.die(defect))
    }
    return null
  },
  refuse: (error) => {
    Deferred.doneUnsafe(reply, Effect.fail(error))
  },
})
