import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { npm } from '../../build/steps/npm.mjs'
import { TASK, contextIn, inFolder, writeFiles } from './folder.ts'

const LOCKED = {
  '': { name: 'actovisor' },
  'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
  'node_modules/a-darwin': { version: '1.0.0', integrity: 'sha512-d', optional: true },
}

/** Runs the step with an npm on the path that only says that it was called. */
function runWith(installed: Record<string, unknown>): Promise<string> {
  return inFolder(async (folder) => {
    writeFiles(folder, {
      'root/package-lock.json': JSON.stringify({ packages: LOCKED }),
      'root/node_modules/.package-lock.json': JSON.stringify({ packages: installed }),
    })
    const path = process.env['PATH']
    process.env['PATH'] = folder
    try {
      return String(await npm.run(contextIn(folder), TASK))
    } catch (error) {
      return String(error)
    } finally {
      process.env['PATH'] = path
    }
  })
}

test('nothing is installed over what is there', async () => {
  assert.is(await runWith({ 'node_modules/a': LOCKED['node_modules/a'] }), 'as package-lock.json says')
})

for (const [what, installed] of Object.entries({
  'a missing package': {},
  'another version': { 'node_modules/a': { version: '1.0.1', integrity: 'sha512-a' } },
  'other content': { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-b' } },
  'a package too many': {
    'node_modules/a': LOCKED['node_modules/a'],
    'node_modules/b': { version: '2.0.0' },
  },
})) {
  test(`${what} calls npm ci`, async () => {
    assert.match(await runWith(installed), 'cannot run npm ci')
  })
}

test.run()
