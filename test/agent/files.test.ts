import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Outcome } from '../../src/agent/failure.ts'
import { fetchFile, list, remove, stat, writeFile } from '../../src/agent/files.ts'
import { FileType, Stream } from '../../src/agent/generated/agent_pb.ts'
import { MAX_LIST_ENTRIES } from '../../src/agent/limits.ts'
import { Peer } from './peer.ts'

const test = suite('agent: files')

const entries = (count: number, name: string) =>
  Array.from({ length: count }, (_, index) => ({ name: `${name}${index}`, type: FileType.REGULAR }))

test('tells about a file', () => {
  const peer = Peer.ready()
  const outcomes: Outcome<unknown>[] = []
  stat(peer.client, { path: '/a', follow: false }, (outcome) => outcomes.push(outcome))
  assert.equal([peer.only('stat')[0]?.path, peer.only('stat')[0]?.follow], ['/a', false])
  const rest = { name: 'a', mode: 0o777, size: 4n, modifiedNs: -1n, inode: 9n, links: 1, target: 'b' }
  peer.send(peer.lastRequest, { case: 'info', value: { ...rest, type: FileType.SYMLINK } })
  assert.equal(outcomes, [{ ok: true, value: { ...rest, kind: 'symlink', uid: 0, gid: 0 } }])
})

test('collects the entries of a directory', () => {
  const peer = Peer.ready()
  const names: string[] = []
  list(peer.client, { path: '/' }, (outcome) => {
    if (outcome.ok) names.push(...outcome.value.map(({ name, kind }) => `${name} ${kind}`))
  })
  peer.send(peer.lastRequest, { case: 'entries', value: { entries: entries(2, 'a') } })
  peer.send(peer.lastRequest, { case: 'entries', value: { entries: entries(1, 'b') } })
  peer.send(peer.lastRequest, { case: 'done', value: {} })
  assert.equal(names, ['a0 regular', 'a1 regular', 'b0 regular'])
})

test('gives up a listing without end', () => {
  const peer = Peer.ready()
  const outcomes: Outcome<unknown>[] = []
  list(peer.client, { path: '/' }, (outcome) => outcomes.push(outcome))
  const id = peer.lastRequest
  for (let n = 0; n <= MAX_LIST_ENTRIES; n += 1000)
    peer.send(id, { case: 'entries', value: { entries: entries(1000, 'x') } })
  assert.is(peer.only('cancel').length, 1)
  peer.send(id, { case: 'failed', value: { code: 6, step: 'list' } })
  assert.equal(outcomes, [{ ok: false, error: { _tag: 'TooManyEntries', limit: MAX_LIST_ENTRIES } }])
})

test('reads a file whole, and no further than its limit', () => {
  for (const [maxBytes, ok] of [
    [4, true],
    [3, false],
  ] as const) {
    const peer = Peer.ready()
    const outcomes: Outcome<Uint8Array>[] = []
    fetchFile(peer.client, { path: '/f', offset: 2n, length: 9n, maxBytes }, (outcome) =>
      outcomes.push(outcome),
    )
    assert.equal([peer.only('readFile')[0]?.offset, peer.only('readFile')[0]?.length], [2n, 9n])
    const id = peer.lastRequest
    peer.send(id, { case: 'data', value: { stream: Stream.FILE, bytes: Buffer.from('abcd') } })
    peer.send(id, { case: 'eof', value: { stream: Stream.FILE } })
    peer.send(id, { case: 'done', value: { bytes: 4n } })
    assert.is(outcomes[0]?.ok, ok)
    if (outcomes[0]?.ok === true) assert.is(Buffer.from(outcomes[0].value).toString(), 'abcd')
  }
})

test('writes a file as a stream', () => {
  const peer = Peer.ready()
  let bytes: unknown
  const attributes = { path: '/f', mode: 0o600, uid: 1, gid: 2, parents: true }
  const call = writeFile(peer.client, attributes, {
    onEnd: (outcome) =>
      (bytes = outcome.ok && outcome.value.case === 'done' ? outcome.value.value.bytes : outcome),
  })
  assert.is(call.send(Stream.FILE, Buffer.from('hello')), true)
  call.end(Stream.FILE)
  assert.is(call.send(Stream.FILE, Buffer.from('more')), false)
  assert.equal(peer.bodies, ['writeFile', 'data', 'eof'])
  assert.is(peer.only('writeFile')[0]?.mode, 0o600)
  peer.send(peer.lastRequest, { case: 'done', value: { bytes: 5n } })
  assert.is(bytes, 5n)
})

test('removes, and hands on why it could not', () => {
  const peer = Peer.ready()
  const outcomes: Outcome<null>[] = []
  remove(peer.client, { path: '/d', recursive: true }, (outcome) => outcomes.push(outcome))
  assert.is(peer.only('remove')[0]?.recursive, true)
  peer.send(peer.lastRequest, {
    case: 'failed',
    value: { code: 3, errno: 13, step: 'unlink', message: '/d' },
  })
  assert.is(
    outcomes[0]?.ok === false && outcomes[0].error._tag === 'Refused' && outcomes[0].error.reason,
    'permission',
  )
})

test.run()
