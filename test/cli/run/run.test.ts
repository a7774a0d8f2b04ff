import { err } from 'neverthrow'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { runFailure } from '../../../src/cli/run/failure.ts'
import type { RunReport } from '../../../src/cli/run/report.ts'
import { runFake } from './fake-guest.ts'

test('the streams stay apart and the exit code is the command’s', async () => {
  const { code, stdout, stderr, closed, listeners } = await runFake({
    command: (process) => {
      process.stdout.write('out\n')
      process.stderr.write('err\n')
      process.exit({ code: 7 })
    },
  })
  assert.equal([code, stdout, stderr], [7, 'out\n', 'err\n'])
  assert.is(closed, 1)
  assert.equal(listeners, [])
})

test('all output is read before the run ends', async () => {
  const { stdout } = await runFake({
    command: (process) => {
      process.stdout.write('a'.repeat(10_000))
      process.exit({})
      process.stdout.emit('readable')
    },
  })
  assert.is(stdout.length, 10_000)
})

test('our input is the command’s', async () => {
  const { process } = await runFake({
    command: (command, { stdin }) => {
      stdin.end('hi')
      command.stdin.end = async () => {
        command.received.push('stdin end')
        command.exit({})
      }
    },
  })
  assert.equal(process.received, ['stdin hi', 'stdin end'])
})

test('a command that ends while we wait for input ends the run', async () => {
  const { code } = await runFake({ command: (process) => process.exit({ code: 3 }) })
  assert.is(code, 3)
})

test('SIGINT goes to the command', async () => {
  const { code, process } = await runFake({ command: (_, { signals }) => signals.emit('SIGINT') })
  assert.equal(process.received, ['signal 2'])
  assert.is(code, 130)
})

test('a command that ignores SIGINT is killed by the second', async () => {
  const { code, process } = await runFake({
    command: (command, { signals }) => {
      command.onSignal = () => setImmediate(() => signals.emit('SIGINT'))
      signals.emit('SIGINT')
    },
  })
  assert.equal(process.received, ['signal 2', 'kill'])
  assert.is(code, 137)
})

test('a reader of our output that goes away ends the command as the kernel would', async () => {
  const { code, process } = await runFake({
    command: (command, { stdout }) => {
      stdout.write = ((_: unknown, done: (error: Error) => void) =>
        done(Object.assign(new Error('EPIPE'), { code: 'EPIPE' }))) as typeof stdout.write
      command.stdout.write('more')
    },
  })
  assert.equal(process.received, ['signal 13'])
  assert.is(code, 141)
})

test('the time of the boot counts', async () => {
  const { timeoutMs } = await runFake({
    options: { timeoutMs: 60_000 },
    command: (process) => process.exit({}),
  })
  assert.ok(typeof timeoutMs === 'number' && timeoutMs <= 60_000 && timeoutMs > 50_000)
})

test('a command that the guest killed at the deadline is told as a timeout', async () => {
  const { code, stderr } = await runFake({
    options: { argv: ['sleep', '100'], timeoutMs: 3000 },
    command: (process) => process.exit({ code: null, signal: 9, timedOut: true, durationMs: 2712 }),
  })
  assert.is(code, 124)
  assert.match(stderr, 'timeout: sleep did not end within the 3 s')
})

test('a boot that overruns the deadline is told as a timeout', async () => {
  const { code, stderr } = await runFake({
    options: { timeoutMs: 1 },
    boot: (_, signal) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () =>
          resolve(err(runFailure(125, 'Aborted', 'aborted in stage kernel'))),
        ),
      ),
  })
  assert.is(code, 124)
  assert.match(stderr, 'did not end within the 0.001 s of --timeout')
})

test('a boot that fails says what, and what to do', async () => {
  const { code, stderr } = await runFake({
    boot: async () =>
      err({
        exitCode: 125,
        tag: 'NoKvm',
        message: 'there is no /dev/kvm',
        advice: 'Load the module.',
        consoleTail: 'line 1\nline 2\n',
      }),
  })
  assert.is(code, 125)
  assert.is(
    stderr,
    'actovisor: there is no /dev/kvm\n  Load the module.\n  the last lines of the console:\n  | line 1\n  | line 2\n',
  )
})

test('a command that cannot run leaves nothing behind', async () => {
  const { code, stderr, closed } = await runFake({
    spawnFailure: runFailure(127, 'Refused', 'nope: not found'),
  })
  assert.is(code, 127)
  assert.is(stderr, 'actovisor: nope: not found\n')
  assert.is(closed, 1)
})

test('a guest that is lost while the command runs fails the run', async () => {
  const { code } = await runFake({
    command: (process) => process.fail(runFailure(125, 'VmEnded', 'the guest panicked')),
  })
  assert.is(code, 125)
})

test('a terminal has our size', async () => {
  const { size, process } = await runFake({
    options: { tty: true, interactive: true },
    command: (command, { stdout }) => {
      stdout.rows = 11
      stdout.emit('resize')
      command.exit({})
    },
  })
  assert.equal(size, { rows: 10, columns: 20 })
  assert.equal(process.received, ['resize 11x20'])
})

test('stages are shown as they pass when asked for', async () => {
  const command = { command: (process: { exit(ending: object): void }) => process.exit({}) }
  assert.is((await runFake({ options: { verbose: true }, ...command })).stderr, '    12.3 ms  kernel\n')
  assert.is((await runFake(command)).stderr, '')
})

test('JSON has all of it in one line', async () => {
  const { code, stdout, stderr } = await runFake({
    options: { json: true },
    command: (process) => {
      process.stdout.write(Buffer.from([0xff, 0x00]))
      process.stderr.write('é')
      process.exit({ code: 7 })
    },
  })
  assert.is(code, 7)
  assert.is(stderr, '')
  assert.is(stdout.trimEnd().split('\n').length, 1)
  const report = JSON.parse(stdout) as RunReport
  assert.equal(report, {
    exitCode: 7,
    command: { code: 7, signal: null, timedOut: false, durationMs: 5 },
    stdout: { encoding: 'base64', data: '/wA=', bytes: 2, truncated: false },
    stderr: { encoding: 'utf8', data: 'é', bytes: 2, truncated: false },
    boot: { stages: [{ name: 'kernel', atMs: 12.34 }] },
    error: null,
  })
})

test('JSON has an error that is not the command’s', async () => {
  const { stdout } = await runFake({
    options: { json: true },
    spawnFailure: runFailure(127, 'Refused', 'not found'),
  })
  const report = JSON.parse(stdout) as RunReport
  assert.is(report.command, null)
  assert.equal(report.error, { tag: 'Refused', message: 'not found', advice: null, consoleTail: null })
})

test.run()
