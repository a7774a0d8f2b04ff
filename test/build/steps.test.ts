import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseCommandLine } from '../../build/command-line.mjs'
import { selectSteps, STEPS } from '../../build/steps.mjs'

const names = (...words: string[]) => selectSteps(words).map(({ step }) => step.name)

test('every step stands after all that it needs', () => {
  const before = new Set<string>()
  for (const step of STEPS) {
    for (const need of step.needs) assert.ok(before.has(need), `${step.name} needs ${need}`)
    before.add(step.name)
  }
})

test('without a name only the kernel of this host is built', () => {
  assert.ok(names().includes('kernel'))
  assert.not(names().includes('kernel:standard'))
})

test('all builds both kernels', () => {
  assert.equal(
    names('all').filter((name) => name.startsWith('kernel')),
    ['kernel:standard', 'kernel:pvm'],
  )
})

test('a name brings what it needs, in order', () => {
  assert.equal(names('kernel'), ['packages', 'npm', 'crates', 'probe', 'kernel'])
  assert.equal(
    selectSteps(['npm']).map(({ named }) => named),
    [false, true],
  )
})

test('an unknown step is named', () => {
  assert.throws(() => selectSteps(['krenel']), /no step krenel/)
})

test('the command line has steps and flags', () => {
  assert.equal(parseCommandLine(['npm', '--force']), {
    steps: ['npm'],
    force: true,
    check: false,
    help: false,
  })
  assert.throws(() => parseCommandLine(['--froce']), /--froce/)
  assert.throws(() => parseCommandLine(['--force', '--check']), /--check/)
})

test.run()
