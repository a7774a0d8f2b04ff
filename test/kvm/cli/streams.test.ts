import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsKvm } from '../../harness.ts'
import type { Tool } from './tool.ts'
import { said, startTool } from './tool.ts'

const test = needsKvm(suite('streams and signals of actovisor run'))

const MEBIBYTE = 1 << 20
/** What the memory of the tool and its guest may grow by while bytes go through it; it does so at first. */
const FLAT_KIB = 128 * 1024

/** Resident memory of the tool, its guest's included, in KiB. */
function residentKib({ child }: Tool): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  return Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1])
}

/** Bytes that the tool has read, from wherever. */
function bytesRead({ child }: Tool): number {
  return Number(/^rchar: (\d+)/m.exec(readFileSync(`/proc/${child.pid}/io`, 'utf8'))?.[1])
}

test('50 MB go in whole, and memory stays flat', async () => {
  const tool = startTool('run', '-i', '--', 'sh', '-c', 'echo ready; sha256sum')
  await said(tool.stdout, 'ready')
  const hash = createHash('sha256')
  const before = residentKib(tool)
  let most = before
  for (let sent = 0; sent < 48; sent += 1) {
    const part = randomBytes(MEBIBYTE)
    hash.update(part)
    if (!tool.stdin.write(part)) await once(tool.stdin, 'drain')
    most = Math.max(most, residentKib(tool))
  }
  tool.stdin.end()
  const { code, stdout } = await tool.ended
  assert.is(code, 0)
  assert.match(stdout, hash.digest('hex'))
  assert.ok(most - before < FLAT_KIB, `it grew from ${before} to ${most} KiB`)
})

test('of input that the guest does not read little is taken', async () => {
  const tool = startTool('run', '-i', '--', 'sh', '-c', 'echo ready; sleep 3; echo late; sleep 1000')
  await said(tool.stdout, 'ready')
  const before = bytesRead(tool)
  tool.stdin.write(Buffer.alloc(16 * MEBIBYTE))
  await said(tool.stdout, 'late')
  const taken = bytesRead(tool) - before
  tool.child.kill('SIGINT')
  assert.is((await tool.ended).code, 130)
  assert.ok(taken > 64 * 1024 && taken < 4 * MEBIBYTE, `${taken} bytes were taken`)
})

test('output that nobody reads holds the command up, and --timeout still ends it', async () => {
  const script =
    'echo ready >&2; (sleep 3; echo late >&2) & head -c 16000000 /dev/zero; echo finished >&2; wait'
  const tool = startTool('run', '--timeout', '12', '--', 'sh', '-c', script)
  let errors = ''
  tool.stderr.on('data', (chunk) => (errors += String(chunk)))
  await said(tool.stderr, 'ready')
  tool.stdout.pause()
  await said(tool.stderr, 'late')
  assert.not.match(errors, 'finished')
  const [code] = await once(tool.child, 'exit')
  tool.stdout.destroy()
  assert.is(code, 124)
})

test('endless output is read for as long as it is wanted', async () => {
  const tool = startTool('run', '--', 'yes')
  let bytes = 0
  for await (const chunk of tool.stdout.iterator({ destroyOnReturn: true })) {
    bytes += (chunk as Buffer).length
    if (bytes > 8 * MEBIBYTE) break
  }
  assert.is((await tool.ended).code, 141)
})

test('SIGINT goes to the command', async () => {
  const tool = startTool(
    'run',
    '--',
    'sh',
    '-c',
    'trap "echo caught; exit 5" INT; echo ready; while :; do sleep 1; done',
  )
  await said(tool.stdout, 'ready')
  tool.child.kill('SIGINT')
  const { code, stdout } = await tool.ended
  assert.equal([code, stdout], [5, 'ready\ncaught\n'])
})

test('the second SIGINT kills a command that ignores the first', async () => {
  const tool = startTool(
    'run',
    '--',
    'sh',
    '-c',
    'trap "echo caught" INT; echo ready; while :; do sleep 1; done',
  )
  await said(tool.stdout, 'ready')
  tool.child.kill('SIGINT')
  await said(tool.stdout, 'caught')
  tool.child.kill('SIGINT')
  assert.is((await tool.ended).code, 137)
})

test('SIGTERM during the boot ends it', async () => {
  const tool = startTool('run', '--verbose', '--', 'true')
  await said(tool.stderr, 'ms')
  tool.child.kill('SIGTERM')
  const { code, stderr } = await tool.ended
  assert.is(code, 143)
  assert.match(stderr, 'stopped by SIGTERM')
})

test.run()
