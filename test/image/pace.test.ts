import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ImageAborted } from '../../src/image/index.ts'
import { Pace } from '../../src/image/pace.ts'

const test = suite('disks: giving way')

test('a pause lets the rest of the program run', async () => {
  let ran = false
  setImmediate(() => {
    ran = true
  })
  await Promise.resolve()
  assert.not.ok(ran, 'awaiting what is settled is no pause')
  await new Pace(undefined).pause()
  assert.ok(ran)
})

test('is due after a slice of work, and again only after another', async () => {
  const pace = new Pace(undefined)
  assert.not.ok(pace.due)
  const start = performance.now()
  while (performance.now() - start < 20);
  assert.ok(pace.due)
  await pace.pause()
  assert.not.ok(pace.due)
})

test('notices that the work was aborted meanwhile', async () => {
  const controller = new AbortController()
  setImmediate(() => controller.abort())
  try {
    await new Pace(controller.signal).pause()
    assert.unreachable()
  } catch (error) {
    assert.instance(error, ImageAborted)
  }
})

test.run()
