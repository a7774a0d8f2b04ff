import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { digestInputs } from '../../build/inputs.mjs'
import { inFolder, writeFiles } from './folder.ts'

const FILES = { 'src/a': 'one', 'src/b/c': 'two' }

const digest = (folder: string, values: Record<string, string> = {}) =>
  digestInputs(folder, { files: [join(folder, 'src')], values })

test('two clones of the same content have the same digest', () =>
  inFolder((folder) => {
    writeFiles(join(folder, 'x'), FILES)
    writeFiles(join(folder, 'y'), FILES)
    assert.is(digest(join(folder, 'x')), digest(join(folder, 'y')))
  }))

for (const [what, files] of Object.entries({
  content: { ...FILES, 'src/a': 'eno' },
  'a name': { 'src/z': 'one', 'src/b/c': 'two' },
  'a boundary between files': { 'src/a': 'onet', 'src/b/c': 'wo' },
  'a new file': { ...FILES, 'src/d': '' },
})) {
  test(`${what} changes the digest`, () =>
    inFolder((folder) => {
      writeFiles(join(folder, 'x'), FILES)
      writeFiles(join(folder, 'y'), files)
      assert.is.not(digest(join(folder, 'x')), digest(join(folder, 'y')))
    }))
}

test('a value changes the digest, its place in the object does not', () =>
  inFolder((folder) => {
    writeFiles(folder, FILES)
    assert.is.not(digest(folder, { rustc: '1.95' }), digest(folder, { rustc: '1.96' }))
    assert.is(digest(folder, { a: '1', b: '2' }), digest(folder, { b: '2', a: '1' }))
  }))

test('what a Rust build leaves in its source folder does not count', () =>
  inFolder((folder) => {
    writeFiles(folder, FILES)
    const before = digest(folder)
    writeFiles(folder, { 'src/target/debug/x': 'object' })
    assert.is(digest(folder), before)
  }))

test.run()
