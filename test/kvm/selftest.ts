import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as assert from 'uvu/assert'
import { packageRoot } from '../../src/package-root.ts'
import type { Vm } from '../../src/promises.ts'

/** Where the program of the kernel's self-test lies in a guest. */
export const SELFTEST = '/run/selftest'

/** Compiles the kernel's self-test, a static program, and puts it into a guest. */
export async function installSelftest(vm: Vm): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'actovisor-selftest-'))
  try {
    const output = join(folder, 'selftest')
    const module = pathToFileURL(join(packageRoot(), 'guest/kernel/selftest/build.mjs')).href
    const script = `(await import(process.argv[1])).buildSelftest({ output: process.argv[2] })`
    execFileSync(process.execPath, ['--input-type=module', '-e', script, module, output])
    await vm.files.write(SELFTEST, readFileSync(output), { mode: 0o755 })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Runs tests of the self-test and checks that every one of them that ran is well. */
export async function runSelftest(vm: Vm, user: string, names: readonly string[] = []): Promise<void> {
  const { text, exitCode, errorText } = await vm.exec([SELFTEST, ...names], { user, timeoutMs: 300_000 })
  const failed = text.split('\n').filter((line) => line.startsWith('not ok'))
  assert.equal(failed, [])
  assert.is(exitCode, 0, `${text}\n${errorText}`)
  assert.match(text, /^ok /m)
}
