import * as Cause from 'effect/Cause'
import * as Data from 'effect/Data'
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Fiber from 'effect/Fiber'
import * as Queue from 'effect/Queue'
import type * as Duration from 'effect/Duration'

/** The mailbox holds as many messages as it may; this one was not taken. */
export class MailboxFull extends Data.TaggedError('MailboxFull')<{
  readonly actor: string
  readonly capacity: number
}> {}

/** The answer did not come in time; the question is void. */
export class AskTimeout extends Data.TaggedError('AskTimeout')<{ readonly actor: string }> {}

/** The actor ended before it answered, or was gone when it was asked. */
export class ActorStopped extends Data.TaggedError('ActorStopped')<{ readonly actor: string }> {}

/** Where the answer to a message goes. Completed already when the asker has gone. */
export type Reply<A, E> = Deferred.Deferred<A, E | ActorStopped>

/** An actor as others see it. */
export interface ActorRef<M> {
  readonly name: string
  /** Puts a message into the mailbox; nobody answers. */
  readonly tell: (message: M) => Effect.Effect<void, MailboxFull | ActorStopped>
  /** Puts a message with a reply into the mailbox and waits for that reply. */
  readonly ask: <A, E>(
    make: (reply: Reply<A, E>) => M,
    deadline: Duration.Input,
  ) => Effect.Effect<A, E | MailboxFull | AskTimeout | ActorStopped>
  /**
   * For the actor's own resources and timers: takes a place that is kept free
   * for them, so that no flood of requests can hide what happened to it.
   */
  readonly notify: (message: M) => void
  readonly depth: () => number
  /** Never succeeds; fails with the cause if handling a message was a defect. */
  readonly failure: Effect.Effect<never>
}

export interface ActorOptions<M> {
  readonly name: string
  /** Messages of others that may wait. */
  readonly capacity: number
  /** Handles one message at a time. What takes long is started here and answered later. */
  readonly receive: (message: M) => void
}

/** Places for `notify`: an actor has a constant number of resources and timers, each telling a few things once. */
const RESERVED = 128

/** Starts an actor that lives as long as the scope; its end answers everyone who waits. */
export const spawnActor = Effect.fnUntraced(function* <M>({ name, capacity, receive }: ActorOptions<M>) {
  const mailbox = yield* Queue.dropping<M>(capacity + RESERVED)
  const waiting = new Set<Reply<never, never>>()
  let alive = true
  const stop = Effect.sync(() => {
    alive = false
    Queue.shutdownUnsafe(mailbox)
    for (const reply of waiting) Deferred.doneUnsafe(reply, Effect.fail(new ActorStopped({ actor: name })))
    waiting.clear()
  })
  const loop: Fiber.Fiber<never> = yield* Queue.take(mailbox).pipe(
    Effect.map(receive),
    // A turn of the event loop for each message would be most of what a request costs here.
    Effect.forever({ disableYield: true }),
    Effect.onExit(() => stop),
    Effect.forkScoped,
  )
  // Registered after the fork, so it runs first: askers hear that the actor stopped, not of an interrupt.
  yield* Effect.addFinalizer(() => stop)

  const post = (message: M): Effect.Effect<void, MailboxFull | ActorStopped> =>
    Effect.suspend((): Effect.Effect<void, MailboxFull | ActorStopped> => {
      if (!alive) return Effect.fail(new ActorStopped({ actor: name }))
      const full = Queue.sizeUnsafe(mailbox) >= capacity
      if (full || !Queue.offerUnsafe(mailbox, message))
        return Effect.fail(new MailboxFull({ actor: name, capacity }))
      return Effect.void
    })

  const ask = <A, E>(make: (reply: Reply<A, E>) => M, deadline: Duration.Input) =>
    Effect.suspend(() => {
      const reply: Reply<A, E> = Deferred.makeUnsafe()
      // Only ever failed through this set, so what it would succeed with does not matter.
      const entry = reply as unknown as Reply<never, never>
      waiting.add(entry)
      return post(make(reply)).pipe(
        Effect.andThen(Deferred.await(reply)),
        Effect.timeoutOrElse({
          duration: deadline,
          orElse: () => Effect.fail(new AskTimeout({ actor: name })),
        }),
        Effect.ensuring(
          Effect.sync(() => {
            waiting.delete(entry)
            Deferred.doneUnsafe(reply, Effect.interrupt)
          }),
        ),
      )
    })

  const ref: ActorRef<M> = {
    name,
    tell: post,
    ask,
    notify: (message) => {
      if (alive) Queue.offerUnsafe(mailbox, message)
    },
    depth: () => Queue.sizeUnsafe(mailbox),
    failure: Effect.flatMap(Fiber.await(loop), (exit) =>
      Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)
        ? Effect.failCause(exit.cause)
        : Effect.never,
    ),
  }
  return ref
})
