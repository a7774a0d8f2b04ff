import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { RunReport } from '../../../src/cli/run/report.ts'
import { needsKvm } from '../../harness.ts'
import { runTool, said, startToolOnTerminal } from './tool.ts'

const test = needsKvm(suite('actovisor run'))

test('streams stay apart and the exit code is the command’s', async () => {
  const ended = await runTool(['run', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7'])
  assert.equal(ended, { code: 7, stdout: 'out\n', stderr: 'err\n' })
})

test('input goes in whole', async () => {
  const { code, stdout } = await runTool(['run', '-i', '--', 'wc', '-c'], 'hi')
  assert.equal([code, stdout.trim()], [0, '2'])
})

test('without -i there is no input', async () => {
  const { stdout } = await runTool(['run', '--', 'wc', '-c'], 'hi')
  assert.is(stdout.trim(), '0')
})

test('environment, folder and user are the command’s', async () => {
  const { stdout, stderr } = await runTool([
    'run',
    '-e',
    'A=b c',
    '-w',
    '/tmp',
    '-u',
    '1000:1000',
    '--',
    'sh',
    '-c',
    'echo "$A $PWD $(id -u):$(id -g)"',
  ])
  assert.equal([stdout, stderr], ['b c /tmp 1000:1000\n', ''])
})

for (const [what, argv, code, message] of [
  ['a command that is not there', ['no-such-command'], 127, /no-such-command/],
  ['a file that may not be executed', ['/etc/passwd'], 126, /\/etc\/passwd/],
  ['a folder that is not there', ['-w', '/no/such/folder', 'true'], 125, /\/no\/such\/folder/],
  ['an image that is not there', ['--image', '/no/such/layout', 'true'], 125, /\/no\/such\/layout/],
  ['no memory', ['--memory', '0', 'true'], 125, /memoryMib is 0/],
  ['too many CPUs', ['--vcpus', '10000', 'true'], 125, /vcpus is 10000/],
] as const) {
  test(`${what} is told with exit code ${code}`, async () => {
    const ended = await runTool(['run', ...argv])
    assert.is(ended.code, code)
    assert.match(ended.stderr, message)
    assert.is(ended.stdout, '')
  })
}

test('a command that a signal ended is 128 and the signal', async () => {
  assert.is((await runTool(['run', '--', 'sh', '-c', 'kill -TERM $$'])).code, 143)
})

test('a command that overruns --timeout is killed, and that is said', async () => {
  const { code, stderr } = await runTool(['run', '--timeout', '3', '--', 'sleep', '100'])
  assert.is(code, 124)
  assert.match(stderr, /timeout: sleep did not end within the 3 s/)
})

test('the boot is part of the time of --timeout', async () => {
  const { stdout } = await runTool(['run', '--json', '--timeout', '3', '--', 'sleep', '100'])
  const { command, boot } = JSON.parse(stdout) as RunReport
  const total = (boot.stages.at(-1)?.atMs ?? 0) + (command?.durationMs ?? 0)
  assert.ok(command?.timedOut)
  // What a run does before its boot and between boot and command is not in these two.
  assert.ok(total > 1500 && total < 3100, `boot and command took ${total} ms`)
})

test('a terminal is a terminal', async () => {
  const { stdout } = await runTool(['run', '-t', '--', 'sh', '-c', 'tty; stty size; echo error >&2'])
  assert.is(stdout, '/dev/pts/0\r\n24 80\r\nerror\r\n')
})

test('our terminal is the command’s: keys go to it, control characters too', async () => {
  const script =
    'trap "echo caught; exit 4" INT; echo ready; read x; echo "got $x"; while :; do sleep 1; done'
  const tool = startToolOnTerminal(`run -it -- sh -c '${script}'`)
  await said(tool.stdout, 'ready')
  tool.stdin.write('hello\r')
  await said(tool.stdout, 'got hello')
  tool.stdin.write('\x03')
  const { code, stdout } = await tool.ended
  assert.is(code, 4)
  assert.match(stdout, 'caught')
})

test('--verbose shows the stages of the boot', async () => {
  const { stderr } = await runTool(['run', '--verbose', '--', 'true'])
  assert.ok(stderr.split('\n').filter((line) => /^ *\d+\.\d ms  \S/.test(line)).length > 2, stderr)
})

test('--json is one object with all of it', async () => {
  const { code, stdout, stderr } = await runTool(
    ['run', '--json', '-i', '--', 'sh', '-c', 'cat; exit 3'],
    'input',
  )
  const report = JSON.parse(stdout) as RunReport
  assert.equal([code, report.exitCode, report.command?.code, stderr], [3, 3, 3, ''])
  assert.equal(report.stdout, { encoding: 'utf8', data: 'input', bytes: 5, truncated: false })
  assert.ok(report.boot.stages.length > 2)
})

test.run()
