import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Capture } from '../../../src/cli/run/capture.ts'

test('more than is kept is counted and left out', () => {
  const capture = new Capture(4)
  for (const part of ['abc', 'def', 'ghi']) capture.write(part)
  assert.equal(capture.captured(), { encoding: 'utf8', data: 'abcd', bytes: 9, truncated: true })
})

test('a byte order mark is data', () => {
  const capture = new Capture()
  capture.write('\uFEFFa')
  assert.is(capture.captured().data, '\uFEFFa')
})

test.run()
