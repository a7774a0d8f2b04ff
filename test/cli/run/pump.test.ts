import { PassThrough, Readable, Writable } from 'node:stream'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { feed, pump } from '../../../src/cli/run/pump.ts'
import type { InputSink } from '../../../src/cli/run/pump.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const never = new AbortController().signal

/** A stream of the guest that counts what was taken from it. */
function guestStream(chunks: readonly string[]) {
  const taken = { count: 0, returned: false }
  const source = (async function* () {
    try {
      for (const chunk of chunks) {
        taken.count += 1
        yield bytes(chunk)
      }
    } finally {
      taken.returned = true
    }
  })()
  return { source, taken }
}

/** A reader of ours that takes one chunk and says so, and the next when it is told to. */
function slowReader() {
  const seen: string[] = []
  let next = () => {}
  const target = new Writable({
    write: (chunk, _, done) => {
      seen.push(String(chunk))
      next = done
    },
  })
  return { target, seen, take: () => next() }
}

test('everything is copied, in order', async () => {
  const target = new PassThrough()
  assert.is(await pump(guestStream(['a', 'b', 'c']).source, target), 'ended')
  assert.is(String(target.read()), 'abc')
})

test('nothing is taken from the guest that our reader has no room for', async () => {
  const { source, taken } = guestStream(['a', 'b', 'c'])
  const reader = slowReader()
  const done = pump(source, reader.target)
  await new Promise(setImmediate)
  assert.is(taken.count, 1)
  for (let turn = 0; turn < 3; turn += 1) {
    reader.take()
    await new Promise(setImmediate)
  }
  assert.is(await done, 'ended')
  assert.equal(reader.seen, ['a', 'b', 'c'])
})

test('a reader that goes away ends the copy, and lets the guest’s stream go', async () => {
  const { source, taken } = guestStream(['a', 'b', 'c'])
  const gone = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
  const target = new Writable({ write: (_, __, done) => done(gone) })
  assert.is(await pump(source, target), 'reader-gone')
  assert.ok(taken.returned)
})

test('another failure of our stream is not taken for its reader’s will', async () => {
  const full = Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' })
  const target = new Writable({ write: (_, __, done) => done(full) })
  assert.is(await pump(guestStream(['a']).source, target).catch((error: unknown) => error), full)
})

/** A guest's standard input that wants `room` chunks. */
function sink(room = Number.POSITIVE_INFINITY): InputSink & { readonly seen: string[] } {
  const seen: string[] = []
  return {
    seen,
    write: async (chunk) => (seen.push(new TextDecoder().decode(chunk)), seen.length < room),
    end: async () => void seen.push('end'),
  }
}

test('input is copied up to its end, which is told', async () => {
  const guest = sink()
  await feed(Readable.from([bytes('a'), bytes('b')]), guest, never)
  assert.equal(guest.seen, ['a', 'b', 'end'])
})

test('input that nobody reads any more is left alone', async () => {
  const guest = sink(1)
  const input = Readable.from([bytes('a'), bytes('b')])
  await feed(input, guest, never)
  assert.equal(guest.seen, ['a'])
  assert.ok(input.destroyed)
})

test('waiting for input ends with the command', async () => {
  const guest = sink()
  const input = new PassThrough()
  const abort = new AbortController()
  const done = feed(input, guest, abort.signal)
  await new Promise(setImmediate)
  abort.abort()
  await done
  assert.equal(guest.seen, [])
  assert.ok(input.destroyed)
})

test('input that cannot be read is an error', async () => {
  const broken = new Error('read EIO')
  const input = new Readable({ read: () => input.destroy(broken) })
  assert.is(await feed(input, sink(), never).catch((error: unknown) => error), broken)
})

test.run()
