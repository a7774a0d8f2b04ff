import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exitCodeOf } from '../../../src/cli/run/exit-code.ts'

for (const [what, ending, code] of [
  ['an exit code is the command’s', { code: 7, signal: null, timedOut: false }, 7],
  ['a signal is 128 and its number', { code: null, signal: 15, timedOut: false }, 143],
  ['a timeout is 124, not the signal that carried it out', { code: null, signal: 9, timedOut: true }, 124],
] as const) {
  test(what, () => assert.is(exitCodeOf(ending), code))
}

test.run()
