import { EventEmitter } from 'node:events'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Interrupted, Interrupts } from '../../../src/cli/run/interrupts.ts'

/** A process to be sent signals, and what reached the command. */
function interrupted() {
  const source = new EventEmitter()
  const sent: (number | 'kill')[] = []
  const target = { signal: (number: number) => sent.push(number), kill: () => sent.push('kill') }
  return { source, sent, target, interrupts: new Interrupts(source) }
}

test('before the command runs a signal aborts the boot', () => {
  const { source, interrupts } = interrupted()
  source.emit('SIGTERM')
  const { reason } = interrupts.signal
  assert.instance(reason, Interrupted)
  assert.is(reason.exitCode, 143)
})

test('signals go to the command', () => {
  const { source, sent, target, interrupts } = interrupted()
  interrupts.forwardTo(target)
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) source.emit(name)
  assert.equal(sent, [2, 15, 1, 3])
  assert.not(interrupts.signal.aborted)
})

test('the second SIGINT kills the command', () => {
  const { source, sent, target, interrupts } = interrupted()
  interrupts.forwardTo(target)
  source.emit('SIGINT')
  source.emit('SIGINT')
  assert.equal(sent, [2, 'kill'])
})

test('the third SIGINT waits for nothing', () => {
  const { source, target, interrupts } = interrupted()
  interrupts.forwardTo(target)
  for (let count = 0; count < 3; count += 1) source.emit('SIGINT')
  assert.is(interrupts.signal.reason.exitCode, 130)
})

test('nothing listens when it is over', () => {
  const { source, interrupts } = interrupted()
  interrupts[Symbol.dispose]()
  assert.equal(source.eventNames(), [])
})

test.run()
