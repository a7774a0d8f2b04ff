import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { runProgram } from '../../src/cli/program.ts'
import type { RunOptions } from '../../src/cli/run/options.ts'

/** Parses a command line; tells what was run and printed. */
async function parse(...argv: string[]) {
  const runs: RunOptions[] = []
  const calls: string[] = []
  let out = ''
  let err = ''
  const code = await runProgram(
    argv,
    '1.2.3',
    {
      run: async (options) => (runs.push(options), 7),
      doctor: async ({ json }) => (calls.push(`doctor ${json}`), 0),
      demo: async () => (calls.push('demo'), 0),
    },
    { out: (text) => (out += text), err: (text) => (err += text) },
  )
  return { code, run: runs[0], calls, out, err }
}

const DEFAULTS: Omit<RunOptions, 'argv'> = {
  image: null,
  memoryMib: null,
  vcpus: null,
  env: [],
  workdir: null,
  user: null,
  timeoutMs: null,
  interactive: false,
  tty: false,
  verbose: false,
  json: false,
}

test('the command stands after --, and its exit code is ours', async () => {
  const { code, run } = await parse('run', '--', 'sh', '-c', 'exit 7')
  assert.equal(run, { ...DEFAULTS, argv: ['sh', '-c', 'exit 7'] })
  assert.is(code, 7)
})

test('options after the command are the command’s, without -- too', async () => {
  assert.equal((await parse('run', '-i', 'ls', '-t', '--json')).run, {
    ...DEFAULTS,
    interactive: true,
    argv: ['ls', '-t', '--json'],
  })
  assert.equal((await parse('run', '--', 'echo', '--', '-i')).run?.argv, ['echo', '--', '-i'])
})

test('every option is read', async () => {
  const words =
    '--image img --memory 512 --vcpus 2 -e A=1 --env B=x=y -w /tmp -u me:us --timeout 1.5 -it --verbose'
  assert.equal((await parse('run', ...words.split(' '), '--', 'id')).run, {
    argv: ['id'],
    image: 'img',
    memoryMib: 512,
    vcpus: 2,
    env: ['A=1', 'B=x=y'],
    workdir: '/tmp',
    user: 'me:us',
    timeoutMs: 1500,
    interactive: true,
    tty: true,
    verbose: true,
    json: false,
  })
})

test('a variable without a value takes it from here, and is left out where there is none', async () => {
  process.env['ACTOVISOR_TEST_VARIABLE'] = 'here'
  const { run } = await parse('run', '-e', 'ACTOVISOR_TEST_VARIABLE', '-e', 'ACTOVISOR_TEST_NONE', 'id')
  delete process.env['ACTOVISOR_TEST_VARIABLE']
  assert.equal(run?.env, ['ACTOVISOR_TEST_VARIABLE=here'])
})

test('a value may hold line breaks', async () => {
  assert.equal((await parse('run', '-e', 'A=1\n2=3', 'id')).run?.env, ['A=1\n2=3'])
})

for (const [what, argv, message] of [
  ['no command', ['run'], "missing required argument 'command'"],
  ['an unknown option', ['run', '--fast', 'id'], '--fast'],
  ['an unknown subcommand', ['walk'], 'walk'],
  ['memory that is no number', ['run', '--memory', '1G', 'id'], '1G'],
  ['a negative number of CPUs', ['run', '--vcpus=-1', 'id'], '-1'],
  ['a timeout of nothing', ['run', '--timeout', '0', 'id'], "'0'"],
  ['a timeout that no timer can wait', ['run', '--timeout', '9999999', 'id'], '2147483'],
  ['a variable without a name', ['run', '-e', '=1', 'id'], '=1'],
  ['a terminal and JSON', ['run', '--json', '-t', 'id'], '--json'],
] as const) {
  test(`${what} is told, with exit code 2`, async () => {
    const { code, err, run } = await parse(...argv)
    assert.is(code, 2)
    assert.is(run, undefined)
    assert.match(err, message)
  })
}

test('version and help are asked for on standard output, and succeed', async () => {
  const version = await parse('--version')
  assert.equal([version.code, version.out], [0, '1.2.3\n'])
  const help = await parse('run', '--help')
  assert.is(help.code, 0)
  assert.match(help.out, '--timeout')
})

test('doctor and demo are called', async () => {
  assert.equal((await parse('doctor', '--json')).calls, ['doctor true'])
  assert.equal((await parse('demo')).calls, ['demo'])
})

test('a failure of a command that is not about the command line is passed on', async () => {
  const boom = new Error('boom')
  const run = () => Promise.reject(boom)
  const failed = runProgram(
    ['run', 'id'],
    '1',
    { run, doctor: run, demo: run },
    { out: () => {}, err: () => {} },
  )
  assert.is(await failed.catch((error: unknown) => error), boom)
})

test.run()
