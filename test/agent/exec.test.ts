import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { exec, spawn } from '../../src/agent/exec.ts'
import type { Outcome } from '../../src/agent/failure.ts'
import { Stream } from '../../src/agent/generated/agent_pb.ts'
import { CREDIT_QUANTUM_BYTES, INITIAL_WINDOW_BYTES, MAX_DATA_BYTES } from '../../src/agent/limits.ts'
import type { ExecReport, ExecRequest } from '../../src/agent/requests.ts'
import { Peer } from './peer.ts'

const test = suite('agent: exec')

const request: ExecRequest = {
  argv: ['prog', 'x'],
  env: ['A=b'],
  cwd: '/w',
  user: 'u',
  timeoutMs: 7,
  input: null,
  maxOutputBytes: 1_000_000,
}

const run = (differences: Partial<ExecRequest> = {}) => {
  const peer = Peer.ready()
  const outcomes: Outcome<ExecReport>[] = []
  exec(peer.client, { ...request, ...differences }, (outcome) => outcomes.push(outcome))
  const id = peer.lastRequest
  const data = (stream: Stream, bytes: Uint8Array) =>
    peer.send(id, { case: 'data', value: { stream, bytes } })
  return { peer, outcomes, id, data }
}

const sum = (parts: readonly { readonly bytes: number | Uint8Array }[]) =>
  parts.reduce((total, { bytes }) => total + (typeof bytes === 'number' ? bytes : bytes.length), 0)

test('sends the program as it was given and answers with output and status', () => {
  const { peer, outcomes, id, data } = run()
  const [sent] = peer.only('exec')
  assert.equal([sent?.argv, sent?.env, sent?.cwd, sent?.user], [['prog', 'x'], ['A=b'], '/w', 'u'])
  assert.equal([sent?.timeoutMs, sent?.stdin, sent?.tty], [7n, false, undefined])
  peer.send(id, { case: 'started', value: { pid: 5 } })
  data(Stream.STDOUT, Buffer.from('he'))
  data(Stream.STDERR, Buffer.from('err'))
  data(Stream.STDOUT, Buffer.from('llo'))
  peer.send(id, { case: 'exited', value: { code: 3, timedOut: false, wallNs: 9n } })
  const [outcome] = outcomes
  assert.ok(outcome?.ok)
  assert.is(Buffer.from(outcome.value.stdout).toString(), 'hello')
  assert.is(Buffer.from(outcome.value.stderr).toString(), 'err')
  assert.equal([outcome.value.code, outcome.value.signal, outcome.value.wallNs], [3, null, 9n])
})

test('grants again what it has collected, in portions', () => {
  const { peer, data } = run({ maxOutputBytes: 10_000_000 })
  for (let n = 0; n < 40; n += 1) data(Stream.STDOUT, new Uint8Array(MAX_DATA_BYTES - 1))
  const granted = sum(peer.only('credit'))
  assert.ok(granted > 40 * (MAX_DATA_BYTES - 1) - CREDIT_QUANTUM_BYTES - MAX_DATA_BYTES)
  assert.ok(peer.only('credit').length <= 40)
  assert.is(peer.ends.length, 0)
})

test('kills a program that writes more than is wanted, and says so when it has ended', () => {
  const { peer, outcomes, id, data } = run({ maxOutputBytes: 100 })
  data(Stream.STDOUT, new Uint8Array(60))
  assert.is(peer.only('cancel').length, 0)
  data(Stream.STDERR, new Uint8Array(41))
  data(Stream.STDOUT, new Uint8Array(41))
  assert.is(peer.only('cancel').length, 1)
  assert.is(outcomes.length, 0)
  peer.send(id, { case: 'exited', value: { signal: 9 } })
  assert.equal(outcomes, [{ ok: false, error: { _tag: 'OutputLimit', limitBytes: 100 } }])
})

test('feeds input within the window and ends it', () => {
  const input = Uint8Array.from({ length: 600_000 }, (_, index) => index % 251)
  const { peer, id } = run({ input })
  assert.is(peer.only('data').length, 0)
  peer.send(id, { case: 'started', value: { pid: 1 } })
  assert.is(sum(peer.only('data')), INITIAL_WINDOW_BYTES)
  assert.ok(peer.only('data').every(({ bytes }) => bytes.length <= MAX_DATA_BYTES))
  peer.send(id, { case: 'credit', value: { stream: Stream.STDIN, bytes: 100 } })
  assert.is(sum(peer.only('data')), INITIAL_WINDOW_BYTES + 100)
  peer.send(id, { case: 'credit', value: { stream: Stream.STDIN, bytes: 700_000 } })
  assert.is(peer.only('eof').length, 1)
  assert.equal(Buffer.concat(peer.only('data').map(({ bytes }) => bytes)), Buffer.from(input))
})

test('ends empty input at once', () => {
  const { peer, id } = run({ input: new Uint8Array(0) })
  peer.send(id, { case: 'started', value: { pid: 1 } })
  assert.equal(peer.bodies, ['exec', 'eof'])
})

test('refuses a request that is longer than a message may be', () => {
  const { peer, outcomes } = run({ env: [`BIG=${'x'.repeat(200_000)}`] })
  assert.is(outcomes[0]?.ok === false && outcomes[0].error._tag, 'RequestTooLarge')
  assert.is(peer.received.length, 0)
  assert.is(peer.client.openRequests, 0)
})

test('ends the link on data beyond the grant', () => {
  const peer = Peer.ready()
  const spawned = { ...request, tty: null, stdin: false }
  let ended = ''
  spawn(peer.client, spawned, { onEnd: (outcome) => (ended = outcome.ok ? 'ok' : outcome.error._tag) })
  const send = (bytes: number) =>
    peer.send(peer.lastRequest, {
      case: 'data',
      value: { stream: Stream.STDOUT, bytes: new Uint8Array(bytes) },
    })
  for (let n = 0; n < 4; n += 1) send(MAX_DATA_BYTES)
  assert.is(peer.ends.length, 0)
  send(1)
  assert.is(peer.ends[0]?._tag, 'ProtocolViolation')
  assert.is(ended, 'ProtocolViolation')
})

test('ends the link on too much data in one message, data after the end, a second start, a wild credit', () => {
  type Body = Parameters<Peer['send']>[1]
  const big: Body = {
    case: 'data',
    value: { stream: Stream.STDOUT, bytes: new Uint8Array(MAX_DATA_BYTES + 1) },
  }
  const eof: Body = { case: 'eof', value: { stream: Stream.STDOUT } }
  const some: Body = { case: 'data', value: { stream: Stream.STDOUT, bytes: new Uint8Array(1) } }
  const started: Body = { case: 'started', value: { pid: 1 } }
  const wild: Body = { case: 'credit', value: { stream: Stream.STDIN, bytes: 0xffff_ffff } }
  for (const bodies of [[big], [eof, some], [eof, eof], [started, started], [wild]]) {
    const { peer, id } = run({ input: new Uint8Array(1) })
    for (const body of bodies) peer.send(id, body)
    assert.is(peer.ends[0]?._tag, 'ProtocolViolation', JSON.stringify(bodies.map((body) => body.case)))
  }
})

test('sends nothing about a program that has ended', () => {
  const peer = Peer.ready()
  const call = spawn(peer.client, { ...request, tty: null, stdin: true }, { onEnd: () => {} })
  peer.send(peer.lastRequest, { case: 'exited', value: { code: 0 } })
  call.signal(15)
  call.resize(1, 1)
  call.cancel()
  call.end(Stream.STDIN)
  call.consumed(Stream.STDOUT, 1_000_000)
  assert.is(call.room(Stream.STDIN), 0)
  assert.equal(peer.bodies, ['exec'])
})

test('gives a program up once', () => {
  const peer = Peer.ready()
  const call = spawn(
    peer.client,
    { ...request, tty: { rows: 2, columns: 3 }, stdin: false },
    { onEnd: () => {} },
  )
  call.cancel()
  call.cancel()
  call.signal(2)
  call.resize(4, 5)
  assert.equal(peer.bodies, ['exec', 'cancel', 'signal', 'resize'])
  assert.equal([peer.only('exec')[0]?.tty?.rows, peer.only('resize')[0]?.size?.columns], [2, 5])
})

test.run()
