import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { AgentFailure, Outcome } from '../../src/agent/failure.ts'
import { MAX_REQUESTS, READ_BUDGET_BYTES } from '../../src/agent/limits.ts'
import { ping, poweroff } from '../../src/agent/machine.ts'
import { Peer, frame } from './peer.ts'

const test = suite('agent: client')

const record = <A>() => {
  const outcomes: Outcome<A>[] = []
  return { outcomes, done: (outcome: Outcome<A>) => void outcomes.push(outcome) }
}

const tagOf = (failure: AgentFailure | undefined) => failure?._tag

test('is ready when the agent has said hello', () => {
  const peer = Peer.ready()
  assert.is(peer.hellos[0]?.agentVersion, '1')
  assert.is(peer.hellos[0]?.readyNs, 5n)
})

test('refuses requests before that', () => {
  const peer = new Peer()
  const { outcomes, done } = record<null>()
  ping(peer.client, done)
  assert.equal(outcomes, [
    { ok: false, error: { _tag: 'LinkEnded', reason: 'the agent has not connected yet' } },
  ])
  assert.is(peer.received.length, 0)
})

test('ends the link on a version that it does not know', () => {
  const peer = new Peer()
  peer.send(0, { case: 'hello', value: { protocol: 2 } })
  assert.is(tagOf(peer.ends[0]), 'ProtocolViolation')
  assert.is(peer.hellos.length, 0)
  assert.ok(peer.closed)
})

test('ends the link when the first message is another', () => {
  const peer = new Peer()
  peer.send(0, { case: 'done', value: {} })
  assert.is(tagOf(peer.ends[0]), 'ProtocolViolation')
})

test('answers requests by their ids, in whatever order the answers come', () => {
  const peer = Peer.ready()
  const first = record<null>()
  const second = record<null>()
  ping(peer.client, first.done)
  const firstId = peer.lastRequest
  poweroff(peer.client, second.done)
  const secondId = peer.lastRequest
  assert.is.not(firstId, secondId)
  assert.ok(firstId > 0 && secondId > 0)
  peer.send(secondId, { case: 'done', value: {} })
  assert.is(first.outcomes.length, 0)
  assert.equal(second.outcomes, [{ ok: true, value: null }])
  peer.send(firstId, { case: 'done', value: {} })
  assert.equal(first.outcomes, [{ ok: true, value: null }])
  assert.is(peer.client.openRequests, 0)
})

test('drops and counts messages about requests that are over or never were', () => {
  const peer = Peer.ready()
  const { outcomes, done } = record<null>()
  ping(peer.client, done)
  peer.send(peer.lastRequest, { case: 'done', value: {} })
  peer.send(peer.lastRequest, { case: 'done', value: {} })
  peer.send(4_000_000_000, { case: 'started', value: { pid: 1 } })
  assert.is(outcomes.length, 1)
  assert.is(peer.client.lateMessages, 2)
  assert.is(peer.ends.length, 0)
})

test('settles everything that is pending once when the link ends, and refuses what comes later', () => {
  const peer = Peer.ready()
  const { outcomes, done } = record<null>()
  for (let n = 0; n < 3; n += 1) ping(peer.client, done)
  peer.end()
  peer.client.end({ _tag: 'LinkEnded', reason: 'again' })
  ping(peer.client, done)
  const expected = { ok: false, error: { _tag: 'LinkEnded', reason: 'the agent closed the connection' } }
  assert.equal(outcomes, [expected, expected, expected, expected])
  assert.is(peer.ends.length, 1)
  assert.ok(peer.closed)
})

test('admits a bounded number of requests', () => {
  const peer = Peer.ready()
  const { outcomes, done } = record<null>()
  for (let n = 0; n <= MAX_REQUESTS; n += 1) ping(peer.client, done)
  assert.equal(outcomes, [{ ok: false, error: { _tag: 'TooManyRequests', limit: MAX_REQUESTS } }])
  peer.send(1, { case: 'done', value: {} })
  ping(peer.client, done)
  assert.is(peer.client.openRequests, MAX_REQUESTS)
})

test('ends the link on bytes that are no messages', () => {
  const peer = Peer.ready()
  const { outcomes, done } = record<null>()
  ping(peer.client, done)
  peer.sendRaw(Buffer.from([4, 0xff, 0xff, 0xff, 0xff]))
  assert.is(tagOf(peer.ends[0]), 'ProtocolViolation')
  assert.is(outcomes[0]?.ok === false && outcomes[0].error._tag, 'ProtocolViolation')
})

test('ends the link on an answer of the wrong kind', () => {
  const wrong = [
    { case: 'exited', value: {} },
    { case: 'info', value: {} },
    { case: 'started', value: {} },
    { case: 'data', value: { stream: 2 } },
    { case: 'eof', value: { stream: 2 } },
    { case: 'credit', value: { stream: 1, bytes: 1 } },
    { case: 'entries', value: {} },
    { case: 'hello', value: {} },
  ] as const
  for (const body of wrong) {
    const peer = Peer.ready()
    ping(peer.client, () => {})
    peer.send(peer.lastRequest, body)
    assert.is(tagOf(peer.ends[0]), 'ProtocolViolation', body.case)
  }
})

test('hands on what the agent refuses, with code, errno, step and message', () => {
  const peer = Peer.ready()
  const { outcomes, done } = record<null>()
  ping(peer.client, done)
  peer.send(peer.lastRequest, { case: 'failed', value: { code: 7, errno: 5, step: 'read', message: 'EIO' } })
  assert.equal(outcomes, [
    { ok: false, error: { _tag: 'Refused', reason: 'system', errno: 5, step: 'read', message: 'EIO' } },
  ])
})

test('keeps what the link does not take and sends it when there is room', () => {
  const peer = Peer.ready()
  peer.capacity = 1
  for (let n = 0; n < 3; n += 1) ping(peer.client, () => {})
  assert.is(peer.received.length, 0)
  assert.ok(peer.client.bufferedBytes > 0)
  for (let n = 0; n < 100; n += 1) {
    peer.capacity = 1
    peer.client.writable()
  }
  assert.equal(peer.bodies, ['ping', 'ping', 'ping'])
  assert.is(peer.client.bufferedBytes, 0)
})

test('lets other work have its turn while an agent floods it', () => {
  const peer = Peer.ready()
  const part = frame(9, { case: 'data', value: { stream: 2, bytes: new Uint8Array(60_000) } })
  const parts = Math.ceil((2.5 * READ_BUDGET_BYTES) / part.length)
  peer.sendRaw(...Array.from({ length: parts }, () => part))
  assert.is(peer.postponed.length, 1)
  assert.ok(peer.client.lateMessages < parts)
  peer.postponed[0]?.()
  peer.postponed[1]?.()
  assert.is(peer.client.lateMessages, parts)
})

test.run()
