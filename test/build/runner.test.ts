import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createProgress } from '../../build/progress.mjs'
import { checkSteps, runSteps, type Step } from '../../build/runner.mjs'
import { contextIn, inFolder, writeFiles } from './folder.ts'

/** A repository with one step that upper-cases `in` to `out`, and counts its runs. */
function projectIn(folder: string) {
  writeFiles(folder, { 'root/in': 'text', 'cache/.keep': '' })
  let printed = ''
  const stream = new Writable({ write: (chunk, _, done) => ((printed += String(chunk)), done()) })
  const progress = createProgress(stream as NodeJS.WriteStream)
  const project = { runs: 0, fail: '', printed: () => printed }
  const step: Step = {
    name: 'upper',
    summary: 'upper case',
    needs: [],
    inputs: async (context) => ({ files: [context.path('in')] }),
    outputs: (context) => [context.path('out')],
    run: async (context, { log }) => {
      project.runs += 1
      log('working')
      if (project.fail) throw new Error(project.fail)
      writeFileSync(context.path('out'), readFileSync(context.path('in'), 'utf8').toUpperCase())
    },
  }
  const run = (
    options: { force?: boolean; named?: boolean; signal?: AbortSignal; change?: Partial<Step> } = {},
  ) =>
    runSteps(
      [{ step: { ...step, ...options.change }, named: options.named ?? true }],
      contextIn(folder, options),
      progress,
    )
  const check = () => checkSteps([{ step, named: true }], contextIn(folder), progress)
  return { project, run, check }
}

test('a step runs, and is skipped while nothing changes', () =>
  inFolder(async (folder) => {
    const { project, run, check } = projectIn(folder)
    assert.not(await check())
    await run()
    await run()
    assert.is(project.runs, 1)
    assert.is(readFileSync(`${folder}/root/out`, 'utf8'), 'TEXT')
    assert.ok(await check())
    assert.match(project.printed(), /✓ upper[^\n]*\n[^]*· upper +up to date/)
  }))

for (const [what, change] of Object.entries({
  'changed input': (folder: string) => writeFileSync(`${folder}/root/in`, 'other'),
  'deleted output': (folder: string) => rmSync(`${folder}/root/out`),
  'cut off output': (folder: string) => writeFileSync(`${folder}/root/out`, ''),
  'unreadable stamp': (folder: string) => writeFileSync(`${folder}/root/artifacts/stamps/upper.json`, '{'),
})) {
  test(`it runs again after a ${what}`, () =>
    inFolder(async (folder) => {
      const { project, run, check } = projectIn(folder)
      await run()
      change(folder)
      assert.not(await check())
      await run()
      assert.is(project.runs, 2)
    }))
}

test('force runs the step that was named, not what it needs', () =>
  inFolder(async (folder) => {
    const { project, run } = projectIn(folder)
    await run()
    await run({ force: true, named: false })
    assert.is(project.runs, 1)
    await run({ force: true })
    assert.is(project.runs, 2)
  }))

test('a failed step says where, and runs again', () =>
  inFolder(async (folder) => {
    const { project, run } = projectIn(folder)
    project.fail = 'disk full'
    assert.match(await run().then(String, String), /upper: Error: disk full/)
    assert.match(readFileSync(`${folder}/root/artifacts/log/upper.log`, 'utf8'), 'working')
    project.fail = ''
    await run()
    assert.is(project.runs, 2)
  }))

test('a step that makes nothing fails', () =>
  inFolder(async (folder) => {
    const { run } = projectIn(folder)
    assert.match(await run({ change: { run: async () => {} } }).then(String, String), 'without making')
  }))

test('a run that is stopped in a step has not finished it', () =>
  inFolder(async (folder) => {
    const { project, run, check } = projectIn(folder)
    const abort = new AbortController()
    const reason = new Error('stopped by SIGINT')
    const stopped = run({ signal: abort.signal, change: { run: async () => abort.abort(reason) } })
    assert.is(await stopped.catch((error: unknown) => error), reason)
    assert.not(await check())
    await run()
    assert.is(project.runs, 1)
  }))

test('a step stands for another once the host is known', () =>
  inFolder(async (folder) => {
    const { run } = projectIn(folder)
    assert.match(await run({ change: { resolve: () => null } }).then(String, String), 'has not been probed')
  }))

test.run()
