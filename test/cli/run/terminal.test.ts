import { EventEmitter } from 'node:events'
import type { ReadStream, WriteStream } from 'node:tty'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SharedTerminal, windowSize } from '../../../src/cli/run/terminal.ts'
import type { WindowSize } from '../../../src/cli/run/terminal.ts'

test('a size that cannot be asked is the usual one', () => {
  assert.equal(windowSize({ isTTY: true, rows: 50, columns: 132 }), { rows: 50, columns: 132 })
  assert.equal(windowSize({ isTTY: true, rows: 0, columns: 0 }), { rows: 24, columns: 80 })
})

test('keys go through raw and sizes are told, until it is over', () => {
  const modes: boolean[] = []
  const input = { setRawMode: (mode: boolean) => modes.push(mode) } as unknown as ReadStream
  const output = Object.assign(new EventEmitter(), { isTTY: true, rows: 10, columns: 20 })
  const sizes: WindowSize[] = []
  const terminal = new SharedTerminal(input, output as unknown as WriteStream, (size) => sizes.push(size))
  output.emit('resize')
  terminal[Symbol.dispose]()
  output.emit('resize')
  assert.equal(modes, [true, false])
  assert.equal(sizes, [{ rows: 10, columns: 20 }])
})

test.run()
