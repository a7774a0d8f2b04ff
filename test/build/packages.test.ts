import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BuildError } from '../../build/errors.mjs'
import { packages } from '../../build/steps/packages.mjs'
import { TASK, contextIn, inFolder, writeFiles } from './folder.ts'

/**
 * Runs the step on a system that has `installed`, as root or not. Its apt-get notes how it
 * was called and installs everything, the first time only if `lists` are fresh.
 */
function runOn({ installed, root, lists = true }: { installed: string; root: boolean; lists?: boolean }) {
  return inFolder(async (folder) => {
    const programs = {
      'bin/dpkg-query': `#!/bin/sh\nwhile read p; do echo "installed $p"; done <"${folder}/installed"\nexit 1\n`,
      'bin/apt-get': `#!/bin/sh
echo "$*" >>"${folder}/calls"
case "$*" in *update*) touch "${folder}/fresh"; exit;; esac
[ -e "${folder}/fresh" ] || exit 100
for p; do echo "$p"; done >>"${folder}/installed"\n`,
    }
    writeFiles(folder, {
      ...programs,
      'root/empty': '',
      calls: '',
      installed: `${installed}\n`,
      ...(lists ? { fresh: '' } : {}),
    })
    for (const name of Object.keys(programs)) chmodSync(join(folder, name), 0o755)
    const { PATH: path } = process.env
    const { getuid } = process
    process.env['PATH'] = `${folder}/bin:${path}`
    process.getuid = () => (root ? 0 : 1000)
    try {
      const result = await packages.run(contextIn(folder), TASK).catch((error: unknown) => error)
      return {
        result,
        calls: readFileSync(join(folder, 'calls'), 'utf8').replaceAll(/^.*Timeout=\d+ /gm, ''),
      }
    } finally {
      process.env['PATH'] = path
      if (getuid !== undefined) process.getuid = getuid
    }
  })
}

const ALL = 'build-essential\nca-certificates'
const INSTALL = 'install -y --no-install-recommends ca-certificates\n'

test('what is there is not installed', async () => {
  const { result, calls } = await runOn({ installed: ALL, root: false })
  assert.equal([result, calls], ['2 present', ''])
})

test('root installs what is missing', async () => {
  const { result, calls } = await runOn({ installed: 'build-essential', root: true })
  assert.equal([result, calls], ['installed ca-certificates', INSTALL])
})

test('root refreshes the lists when they do not help', async () => {
  const { result, calls } = await runOn({ installed: 'build-essential', root: true, lists: false })
  assert.equal([result, calls], ['installed ca-certificates', `${INSTALL}update\n${INSTALL}`])
})

test('who is not root gets one line to paste', async () => {
  const { result, calls } = await runOn({ installed: 'build-essential', root: false })
  if (!(result instanceof BuildError)) throw new Error(`it answered ${String(result)}`)
  assert.match(result.message, 'missing Debian packages: ca-certificates')
  assert.match(result.advice ?? '', '\n  sudo apt-get install -y --no-install-recommends ca-certificates\n')
  assert.is(calls, '')
})

test.run()
