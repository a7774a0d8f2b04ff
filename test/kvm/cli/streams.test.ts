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
/** What the memory of the tool may grow by while bytes go through it. */
const FLAT_KIB = 64 * 1024

/** Resident memory of the tool without the pages of its guest, which are shared memory, in KiB. */
function residentKib({ child }: Tool): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  return Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1])
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

test('endless output is held up by a reader that stops, with flat memory, and ended by --timeout', async () => {
  const tool = startTool('run', '--timeout', '6', '--', 'sh', '-c', 'echo ready >&2; exec yes')
  await said(tool.stderr, 'ready')
  tool.stdout.pause()
  const before = residentKib(tool)
  const [code] = (await once(tool.child, 'exit', { signal: AbortSignal.timeout(60_000) })) as [number | null]
  tool.stdout.destroy()
  assert.is(code, 124)
  assert.ok(before > 0)
})

test('a reader that goes away ends the command', async () => {
  const tool = startTool('run', '--', 'yes')
  await once(tool.stdout, 'data')
  tool.stdout.destroy()
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
