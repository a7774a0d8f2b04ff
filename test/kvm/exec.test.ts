import { createHash, randomBytes } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { RequestRefused, Vm } from '../../src/promises.ts'
import { needsKvm } from '../harness.ts'
import { failure, sharedGuest } from './guest.ts'

const test = needsKvm(suite('exec in a guest'))
const shared = sharedGuest(test)

test('streams stay apart and the exit code comes back', async () => {
  const { vm } = shared()
  const result = await vm.exec(['sh', '-c', 'echo out; echo err >&2; exit 7'])
  assert.equal([result.exitCode, result.text, result.errorText], [7, 'out\n', 'err\n'])
  assert.is(result.succeeded, false)
})

test('the guest is Linux of our making', async () => {
  const { vm } = shared()
  const { text } = await vm.exec(['uname', '-rs'])
  assert.is(text, `Linux ${vm.guest.kernel}\n`)
})

test('input and output of megabytes come through whole', async () => {
  const { vm } = shared()
  const input = randomBytes(8 << 20)
  const { stdout } = await vm.exec(['cat'], { input })
  assert.is(Buffer.compare(stdout, input), 0)
  const { text } = await vm.exec(['sha256sum'], { input })
  assert.is(text.split(' ')[0], createHash('sha256').update(input).digest('hex'))
})

test('a signal that ends a program is told', async () => {
  const { exitCode, signal } = await shared().vm.exec(['sh', '-c', 'kill -KILL $$'])
  assert.equal([exitCode, signal], [null, 9])
})

test('a timeout kills the whole process group and says so', async () => {
  const { vm } = shared()
  const result = await vm.exec(['sh', '-c', 'sleep 1000 & sleep 1001'], { timeoutMs: 50 })
  assert.equal([result.timedOut, result.signal], [true, 9])
  const { text } = await vm.exec(['sh', '-c', 'ps -o args | grep "sleep 10[0]" | wc -l'])
  assert.is(text.trim(), '0')
})

test('environment, folder and user are as asked', async () => {
  const { vm } = shared()
  const script = 'echo "$A|$PWD|$(id -u):$(id -g)|$HOME"'
  const options = { env: { A: 'ä b', HOME: '/h' }, cwd: '/usr', user: '1000:100' }
  assert.is((await vm.exec(['sh', '-c', script], options)).text, 'ä b|/usr|1000:100|/h\n')
})

for (const [what, argv, options, reason, step] of [
  ['a program that is not there', ['no-such-program'], {}, 'not-found', 'execve'],
  ['a folder that is not there', ['true'], { cwd: '/no/such' }, 'not-found', 'cwd'],
  ['a user that is not there', ['true'], { user: 'nobody-knows' }, 'not-found', 'user'],
  ['a file that may not be executed', ['/etc/passwd'], {}, 'permission', 'execve'],
] as const) {
  test(`${what} is refused at the step ${step}`, async () => {
    const error = (await failure(shared().vm.exec(argv, options))) as RequestRefused
    assert.equal([error._tag, error.reason, error.step], ['RequestRefused', reason, step])
  })
}

test('a program of another format is refused, a 32-bit one too', async () => {
  const { vm } = shared()
  const elf32 = new Uint8Array(64)
  elf32.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1])
  elf32.set([2, 0, 3, 0, 1], 16)
  for (const [name, contents] of [
    ['/tmp/text', 'no program'],
    ['/tmp/elf32', elf32],
  ] as const) {
    await vm.files.write(name, contents, { mode: 0o755 })
    const error = (await failure(vm.exec([name]))) as RequestRefused
    assert.equal([error._tag, error.reason, error.errno], ['RequestRefused', 'bad-format', 8])
  }
})

test('many programs run at once', async () => {
  const { vm } = shared()
  const numbers = Array.from({ length: 20 }, (_, index) => String(index))
  const results = await Promise.all(numbers.map((number) => vm.exec(['sh', '-c', `echo ${number}; cat`])))
  assert.equal(
    results.map(({ text }) => text.trim()),
    numbers,
  )
})

test('an abort gives a program up and the VM goes on', async () => {
  const { vm } = shared()
  const abort = new AbortController()
  const process = await vm.spawn(['sh', '-c', 'echo up; sleep 1000'], { signal: abort.signal })
  await process.stdout.next()
  abort.abort()
  const ended = await process.exit.catch((error: unknown) => error)
  assert.ok(ended)
  assert.is((await vm.exec(['true'])).exitCode, 0)
})

test('a terminal has a size, and a new one when it is resized', async () => {
  const { vm } = shared()
  const script = 'stty size; trap "stty size; exit" WINCH; echo ready; while :; do read x; done'
  const process = await vm.spawn(['sh', '-c', script], { tty: { rows: 24, columns: 80 }, stdin: 'pipe' })
  let seen = ''
  for await (const bytes of process.stdout) {
    seen += Buffer.from(bytes).toString()
    if (seen.includes('ready') && !seen.includes('40 100')) {
      // A shell serves a trap between commands: the line ends its read.
      await process.resize({ rows: 40, columns: 100 })
      await process.stdin?.write(Buffer.from('\n'))
    }
  }
  assert.match(seen, /24 80[\s\S]*ready[\s\S]*40 100/)
  await process.exit
})

test('output that nobody reads waits in the guest, and comes when it is read', async () => {
  const { vm } = shared()
  const process = await vm.spawn(['yes'])
  const before = await received(vm)
  // Far more round trips than the windows of the stream take to fill.
  for (let round = 0; round < 100; round++) await vm.ping()
  const filled = await received(vm)
  for (let round = 0; round < 100; round++) await vm.ping()
  const later = await received(vm)
  assert.ok(filled - before < 2n << 20n, `${filled - before} bytes came unread`)
  assert.ok(later - filled < 64n << 10n, `${later - filled} bytes came later`)
  let bytes = 0
  for await (const part of process.stdout) {
    bytes += part.length
    if (bytes > 3 << 20) break
  }
  assert.ok(bytes > 3 << 20)
  await process.kill('SIGKILL')
  assert.is((await process.exit).signal, 9)
})

test('more output than allowed is refused and the program killed', async () => {
  const { vm } = shared()
  const error = await failure(vm.exec(['yes'], { maxOutputBytes: 1 << 20 }))
  assert.is(error._tag, 'OutputTooLarge')
  assert.is((await vm.exec(['sh', '-c', 'ps -o comm | grep -c "^yes" || true'])).text.trim(), '0')
})

const received = async (vm: Vm) => (await vm.metrics()).vsockTxBytes

test.run()
