import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('api: imports')

const built = fileURLToPath(new URL('../../', import.meta.url))

test('no module loads all of effect: that is 47 MiB and a second', () => {
  const modules = readdirSync(`${built}src`, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.js'),
  )
  assert.ok(modules.length > 40)
  const loading = modules.filter((name) => /from "effect"/u.test(readFileSync(`${built}src/${name}`, 'utf8')))
  assert.equal(loading, [])
})

test('a host thread loads nothing of effect', () => {
  const bundle = readFileSync(`${built}workers/vm-host.js`, 'utf8')
  assert.match(bundle, /sizeDelimitedPeek/u)
  assert.not.match(bundle, /node_modules\/effect\//u)
})

test('a host thread’s code refuses to load on the main thread', async () => {
  const refused = await import(`${built}workers/vm-host.js`).then(
    () => 'loaded',
    (error: unknown) => String(error),
  )
  assert.match(refused, /host thread/u)
})

test.run()
