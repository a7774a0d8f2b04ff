import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { RuntimeEvent } from '../../src/actors/events.ts'
import { EventBus } from '../../src/actors/events.ts'

const test = suite('actors: events')

const error = (number: number): RuntimeEvent => ({ type: 'host-thread-error', message: String(number) })

test('hands every event to every listener, in order', async () => {
  const bus = new EventBus()
  const first = bus.listen()
  const second = bus.listen()
  const early = first.next()
  bus.publish(error(1))
  bus.publish(error(2))
  assert.equal(await early, { done: false, value: error(1) })
  assert.equal((await first.next()).value, error(2))
  assert.equal((await second.next()).value, error(1))
})

test('tells a listener that was too slow how many of the oldest it lost', async () => {
  const bus = new EventBus()
  const slow = bus.listen()
  for (let n = 0; n < 1024 + 10; n += 1) bus.publish(error(n))
  assert.is(bus.dropped, 10)
  assert.equal((await slow.next()).value, { type: 'dropped', count: 10 })
  assert.equal((await slow.next()).value, error(10))
})

test('ends every listener when it is closed, after what waits for it', async () => {
  const bus = new EventBus()
  const listener = bus.listen()
  const waiting = bus.listen()
  const last = waiting.next()
  bus.close()
  assert.is((await last).done, true)
  assert.is((await listener.next()).done, true)
  assert.is((await bus.listen().next()).done, true)
})

test('forgets a listener that left its loop', async () => {
  const bus = new EventBus()
  const loop = async () => {
    for await (const event of bus.listen()) return event
    return null
  }
  const looping = loop()
  bus.publish(error(1))
  assert.equal(await looping, error(1))
  for (let n = 0; n < 5000; n += 1) bus.publish(error(n))
  assert.is(bus.dropped, 0)
})

test.run()
