import * as Effect from 'effect/Effect'
import { ResultAsync, err, errAsync, ok, okAsync } from 'neverthrow'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { errorOf } from '../doubles/results.ts'
import { fromResult, toResultAsync } from '../../src/api/bridge.ts'

const test = suite('api: bridge')

const waiting = { operation: 'test' }

test('turns values, failures, interruptions and defects into what the edge promises', async () => {
  assert.equal(await toResultAsync(Effect.succeed(1), waiting), ok(1))
  assert.equal(await toResultAsync(Effect.fail('no'), waiting), err('no'))
  const interrupted = await errorOf(toResultAsync(Effect.interrupt, waiting))
  assert.equal([interrupted._tag, interrupted.operation], ['Aborted', 'test'])
  const defect = await toResultAsync(Effect.die(new Error('bug')), waiting).then(
    () => 'settled',
    (error: unknown) => String(error),
  )
  assert.is(defect, 'Error: bug')
})

test('interrupts the effect on the signal, and begins none that is aborted already', async () => {
  let state = 'not begun'
  const effect = Effect.sync(() => (state = 'begun')).pipe(
    Effect.andThen(Effect.never),
    Effect.onInterrupt(() => Effect.sync(() => (state = 'interrupted'))),
  )
  const early = await errorOf(toResultAsync(effect, { ...waiting, signal: AbortSignal.abort('why') }))
  assert.equal([early.reason, state], ['why', 'not begun'])
  const controller = new AbortController()
  const running = toResultAsync(effect, { ...waiting, signal: controller.signal })
  assert.is(state, 'begun')
  controller.abort('later')
  assert.equal([(await errorOf(running)).reason, state], ['later', 'interrupted'])
})

test('brings results back, lazily, with a signal that an interruption aborts', async () => {
  let begun = 0
  const effect = fromResult(() => {
    begun += 1
    return okAsync(3)
  })
  assert.is(begun, 0)
  assert.equal([await Effect.runPromise(effect), await Effect.runPromise(effect), begun], [3, 3, 2])
  assert.is(await Effect.runPromise(Effect.flip(fromResult(() => errAsync('no')))), 'no')
  let aborted = false
  const hanging = fromResult((signal) => {
    signal.addEventListener('abort', () => (aborted = true))
    return new ResultAsync<never, never>(new Promise(() => {}))
  })
  const controller = new AbortController()
  const running = toResultAsync(hanging, { ...waiting, signal: controller.signal })
  controller.abort()
  assert.ok((await running).isErr())
  assert.is(aborted, true)
})

test.run()
