import * as Effect from 'effect/Effect'
import { DeadlineExceeded, Overloaded } from '../../errors/waiting.ts'
import { IllegalState, VmStopped } from '../../errors/vm.ts'
import type { HostFailure } from '../../host/failure.ts'
import type { GuestCalls, Operation } from '../../host/interface.ts'
import type { ActorStopped, AskTimeout, MailboxFull } from '../actor.ts'
import type { VmView } from './context.ts'
import { guestRequest } from './guest-request.ts'
import type { StopRequest } from './protocol/input.ts'
import type { RequestError, StopReport } from './protocol/output.ts'
import type { VmActor } from './vm.ts'

/** What one who started a VM can do with it. */
export class VmHandle {
  readonly #actor: VmActor

  constructor(actor: VmActor) {
    this.#actor = actor
  }

  get view(): VmView {
    return this.#actor.view
  }

  /** Why a stream of the VM broke off, once that is known. */
  explain(operation: Operation, failure: HostFailure): Promise<RequestError> {
    return this.#actor.explain(operation, failure)
  }

  /** Asks for one operation; given up at the deadline, or when the effect is interrupted. */
  call<K extends Operation>(
    operation: K,
    request: GuestCalls[K]['request'],
    deadlineMs: number,
  ): Effect.Effect<GuestCalls[K]['answer'], RequestError> {
    return Effect.suspend(() => {
      const controller = new AbortController()
      return this.#actor.ref
        .ask<GuestCalls[K]['answer'], RequestError>(
          (reply) => guestRequest(operation, request, controller.signal, reply),
          deadlineMs,
        )
        .pipe(
          Effect.onError(() => Effect.sync(() => controller.abort())),
          Effect.mapError((error) => this.#outside(error, operation, deadlineMs)),
        )
    })
  }

  /** Stops the VM; an ended one answers at once. */
  stop(
    manner: StopRequest['manner'],
    graceMs: number,
    deadlineMs: number,
  ): Effect.Effect<StopReport, RequestError> {
    return Effect.suspend(() => {
      const { state } = this.view
      if (state.name === 'stopped' || state.name === 'failed')
        return Effect.succeed({ forced: false, detail: state.reason.message })
      return this.#actor.ref
        .ask<StopReport, RequestError>((reply) => ({ type: 'stop', manner, graceMs, reply }), deadlineMs)
        .pipe(
          // An actor that is gone has taken its machine down before.
          Effect.catchTag('ActorStopped', () => Effect.succeed({ forced: true, detail: 'with its actor' })),
          Effect.mapError((error) => this.#outside(error, manner, deadlineMs)),
        )
    })
  }

  #outside(
    error: RequestError | MailboxFull | AskTimeout | ActorStopped,
    operation: string,
    deadlineMs: number,
  ): RequestError {
    switch (error._tag) {
      case 'MailboxFull':
        return new Overloaded({
          limit: 'messages waiting for a VM',
          value: error.capacity,
          advice: 'wait for some requests to end',
        })
      case 'AskTimeout':
        return new DeadlineExceeded({ operation, deadlineMs })
      case 'ActorStopped':
        return this.#gone(operation)
      default:
        return error
    }
  }

  #gone(operation: string): RequestError {
    const { id, state } = this.view
    if ((state.name === 'stopped' || state.name === 'failed') && state.reason instanceof VmStopped)
      return state.reason
    return new IllegalState({ vm: id, operation, state: state.name })
  }
}
