import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { judgeCargo } from './cargo.mjs'
import { judge } from './file.mjs'

const uvu = (total: number, passed: number, skipped: number) =>
  `\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n  Duration:  1.00ms\n`
const ended = { code: 0, end: '', output: '', report: '', seconds: 1 }
const counts = ({ passed, failed, skipped }: { passed: number; failed: number; skipped: number }) => [
  passed,
  failed,
  skipped,
]

for (const [what, given, expected] of [
  ['passed tests are counted', { output: uvu(3, 3, 0) }, [3, 0, 0]],
  ['failed tests are counted', { output: uvu(3, 1, 0), code: 1 }, [1, 2, 0]],
  ['skipped tests are counted', { output: uvu(1, 1, 2) }, [1, 0, 2]],
  ['a file without a summary fails', { output: '', code: 1 }, [0, 1, 0]],
  ['a file that exits early with success fails', { output: '' }, [0, 1, 0]],
  ['a file that runs no test fails', { output: uvu(0, 0, 0) }, [0, 1, 0]],
  [
    'a crash after the tests is a failure',
    { output: uvu(2, 2, 0), code: null, end: 'ended by SIGSEGV' },
    [2, 1, 0],
  ],
  ['an exit code after the tests is a failure', { output: uvu(2, 2, 0), code: 7 }, [2, 1, 0]],
  [
    'a test that prints a summary of its own in the middle of a line is not read',
    { output: `x   Total: 9${uvu(1, 1, 0)}` },
    [1, 0, 0],
  ],
] as const) {
  test(what, () => assert.equal(counts(judge('file', { ...ended, ...given })), expected))
}

test('reasons for skipping are told, each once', () => {
  const report = ['a', 'b']
    .map((name) => `${JSON.stringify({ skipped: name, reason: 'there is no /dev/kvm' })}\n`)
    .join('')
  const result = judge('file', { ...ended, output: uvu(0, 0, 2), report })
  assert.equal(result.reasons, ['there is no /dev/kvm'])
  assert.is(result.kvmSkipped, 2)
  assert.is(result.failed, 0)
})

const CARGO = `
test a ... ok
test b ... ignored, needs a second disk
test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
`

test('the test binaries of a workspace are added up', () => {
  const result = judgeCargo('crates', { ...ended, code: 101, output: CARGO })
  assert.equal(counts(result), [5, 2, 1])
  assert.equal(result.reasons, ['needs a second disk'])
})

test('a workspace that does not compile is a failure', () => {
  assert.equal(counts(judgeCargo('crates', { ...ended, code: 101, output: 'error[E0308]' })), [0, 1, 0])
})

test('a workspace without tests is a failure', () => {
  assert.equal(counts(judgeCargo('crates', ended)), [0, 1, 0])
})

test.run()
