import * as Cause from 'effect/Cause'
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Fiber from 'effect/Fiber'
import * as Scope from 'effect/Scope'
import * as TestClock from 'effect/testing/TestClock'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Reply } from '../../src/actors/actor.ts'
import { spawnActor } from '../../src/actors/actor.ts'
import { begin, failureOf, pass, settle } from './world.ts'

const test = suite('actors: actor')

type Message =
  | { readonly type: 'double'; readonly of: number; readonly reply: Reply<number, string> }
  | { readonly type: 'keep'; readonly reply: Reply<number, string> }
  | { readonly type: 'burst' }
  | { readonly type: 'note'; readonly text: string }

/** An actor that answers, keeps questions, fails, or notes. */
const start = Effect.fnUntraced(function* (capacity: number) {
  const scope = Scope.makeUnsafe()
  const notes: string[] = []
  const kept: Reply<number, string>[] = []
  const ref = yield* Scope.provide(
    spawnActor<Message>({
      name: 'test',
      capacity,
      receive: (message) => {
        if (message.type === 'note') notes.push(message.text)
        if (message.type === 'keep') kept.push(message.reply)
        if (message.type === 'burst') throw new Error('burst')
        if (message.type !== 'double') return
        Deferred.doneUnsafe(
          message.reply,
          message.of < 0 ? Effect.fail('negative') : Effect.succeed(2 * message.of),
        )
      },
    }),
    scope,
  )
  return { ref, notes, kept, stop: Scope.close(scope, Exit.void) }
})

const run =
  <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) =>
  () =>
    Effect.runPromise(Effect.asVoid(Effect.scoped(effect)).pipe(Effect.provide(TestClock.layer())))

test(
  'answers, and fails as its answer says',
  run(
    Effect.gen(function* () {
      const { ref } = yield* start(4)
      assert.is(yield* ref.ask<number, string>((reply) => ({ type: 'double', of: 4, reply }), '1 second'), 8)
      const failed = ref.ask<number, string>((reply) => ({ type: 'double', of: -1, reply }), '1 second')
      assert.is(yield* Effect.flip(failed), 'negative')
    }),
  ),
)

test(
  'handles messages in their order',
  run(
    Effect.gen(function* () {
      const { ref, notes } = yield* start(8)
      for (const text of ['a', 'b', 'c']) yield* ref.tell({ type: 'note', text })
      yield* settle
      assert.equal(notes, ['a', 'b', 'c'])
    }),
  ),
)

test(
  'gives a question up at its deadline, and lets the actor see that',
  run(
    Effect.gen(function* () {
      const { ref, kept } = yield* start(4)
      const asking = yield* begin(ref.ask<number, string>((reply) => ({ type: 'keep', reply }), '1 second'))
      yield* pass(999)
      assert.is(
        kept.some((reply) => Deferred.isDoneUnsafe(reply)),
        false,
      )
      yield* pass(1)
      const error = yield* failureOf(asking)
      assert.ok(typeof error === 'object' && error._tag === 'AskTimeout')
      assert.ok(kept.every((reply) => Deferred.isDoneUnsafe(reply)))
    }),
  ),
)

test(
  'refuses what does not fit into the mailbox, but never what the actor is notified of',
  run(
    Effect.gen(function* () {
      const { ref, notes } = yield* start(2)
      // Nothing is handled before this fiber waits.
      const outcomes: string[] = []
      for (const text of ['a', 'b', 'c']) {
        const told = yield* Effect.result(ref.tell({ type: 'note', text }))
        outcomes.push(told._tag === 'Success' ? text : told.failure._tag)
      }
      ref.notify({ type: 'note', text: 'must not be lost' })
      yield* settle
      assert.ok(outcomes.includes('MailboxFull') || notes.length === 4)
      assert.is(notes.at(-1), 'must not be lost')
      assert.is(ref.depth(), 0)
    }),
  ),
)

test(
  'answers everyone who waits when it is stopped, and everyone later',
  run(
    Effect.gen(function* () {
      const { ref, stop } = yield* start(8)
      const ask = ref.ask<number, string>((reply) => ({ type: 'keep', reply }), '1 hour')
      const first = yield* begin(ask)
      const second = yield* begin(ask)
      yield* stop
      for (const asking of [first, second]) {
        const error = yield* failureOf(asking)
        assert.ok(typeof error === 'object' && error._tag === 'ActorStopped')
      }
      const later = yield* Effect.flip(ask)
      assert.ok(typeof later === 'object' && later._tag === 'ActorStopped')
      const told = yield* Effect.flip(ref.tell({ type: 'note', text: 'x' }))
      assert.is(told._tag, 'ActorStopped')
    }),
  ),
)

test(
  'ends with the cause when handling a message is a defect, and answers everyone',
  run(
    Effect.gen(function* () {
      const { ref } = yield* start(8)
      const asking = yield* begin(ref.ask<number, string>((reply) => ({ type: 'keep', reply }), '1 hour'))
      const failure = yield* begin(ref.failure)
      yield* ref.tell({ type: 'burst' })
      const exit = yield* Fiber.await(failure)
      assert.ok(Exit.isFailure(exit) && String(Cause.squash(exit.cause)).includes('burst'))
      const error = yield* failureOf(asking)
      assert.ok(typeof error === 'object' && error._tag === 'ActorStopped')
    }),
  ),
)

test(
  'an interrupted question is void',
  run(
    Effect.gen(function* () {
      const { ref, kept } = yield* start(8)
      const asking = yield* begin(ref.ask<number, string>((reply) => ({ type: 'keep', reply }), '1 hour'))
      yield* Fiber.interrupt(asking)
      assert.ok(kept.every((reply) => Deferred.isDoneUnsafe(reply)))
      assert.is(kept.length, 1)
    }),
  ),
)

test.run()
