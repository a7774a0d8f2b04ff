import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FrameDecoder, FrameError } from '../../src/agent/frames.ts'
import { MAX_FRAME_BYTES } from '../../src/agent/limits.ts'

const test = suite('agent: frames')

/** A length prefix and so many bytes of one value. */
const framed = (length: number, value: number): Buffer => {
  const prefix: number[] = []
  let rest = length
  do {
    prefix.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
    rest >>= 7
  } while (rest > 0)
  return Buffer.concat([Buffer.from(prefix), Buffer.alloc(length, value)])
}

const decode = (decoder: FrameDecoder, chunk: Uint8Array): Buffer[] => {
  const bodies: Buffer[] = []
  decoder.push(chunk, (body) => bodies.push(Buffer.from(body)))
  return bodies
}

test('cuts a chunk into all the frames that it holds', () => {
  const bodies = decode(new FrameDecoder(), Buffer.concat([framed(3, 1), framed(0, 0), framed(300, 2)]))
  assert.equal(
    bodies.map(({ length }) => length),
    [3, 0, 300],
  )
  assert.is(
    bodies[2]?.every((byte) => byte === 2),
    true,
  )
})

test('gives the same frames wherever the stream is cut', () => {
  const stream = Buffer.concat([framed(1, 1), framed(200, 2), framed(70_000, 3), framed(5, 4)])
  for (const size of [1, 2, 3, 199, 65_536, stream.length - 1]) {
    const decoder = new FrameDecoder()
    const bodies: Buffer[] = []
    for (let at = 0; at < stream.length; at += size)
      bodies.push(...decode(decoder, stream.subarray(at, at + size)))
    assert.equal(
      bodies.map((body) => [body.length, body[0]]),
      [
        [1, 1],
        [200, 2],
        [70_000, 3],
        [5, 4],
      ],
      `cut into ${size}`,
    )
    assert.is(decoder.heldBytes, 0)
  }
})

test('takes a frame of the greatest length and refuses one byte more', () => {
  assert.is(decode(new FrameDecoder(), framed(MAX_FRAME_BYTES, 7))[0]?.length, MAX_FRAME_BYTES)
  assert.throws(
    () => decode(new FrameDecoder(), framed(MAX_FRAME_BYTES + 1, 7)),
    (error: unknown) => error instanceof FrameError && error.message.includes('131073'),
  )
})

test('refuses a wild length as soon as its prefix is there, holding nothing for it', () => {
  const decoder = new FrameDecoder()
  assert.throws(
    () => decode(decoder, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f])),
    (error: unknown) => error instanceof FrameError,
  )
  assert.ok(decoder.heldBytes < 16)
})

test('refuses a prefix that never ends, also byte by byte', () => {
  assert.throws(() => decode(new FrameDecoder(), Buffer.alloc(11, 0xff)))
  const decoder = new FrameDecoder()
  assert.throws(() => {
    for (let n = 0; n < 11; n += 1) decode(decoder, Buffer.from([0xff]))
  })
})

test('holds no more than one frame', () => {
  const decoder = new FrameDecoder()
  decode(decoder, Buffer.concat([framed(10, 1), framed(1000, 2).subarray(0, 500)]))
  assert.is(decoder.heldBytes, 500)
})

test.run()
