import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkOpen, checkPath, checkProgram, checkStart, checkWait } from '../../src/api/check.ts'
import type { HostCapacity, StartOptions } from '../../src/api/options.ts'
import { errorOf } from '../doubles/results.ts'

const test = suite('api: options')

const host: HostCapacity = { memoryMib: 1_000, maxVcpus: 8, flavour: 'standard' }

test('takes what can work', () => {
  const options: StartOptions = {
    memoryMib: 1_000,
    vcpus: 8,
    env: { A: '', 'a.b': 'c=d' },
    workdir: '/',
    hostname: 'a-1.b',
    cmdline: 'quiet loglevel=3',
    bootTimeoutMs: 1,
  }
  assert.ok(checkStart(options, host).isOk())
  assert.ok(checkStart({}, host).isOk())
  assert.ok(checkOpen({ hostThreads: 1, vmsPerThread: 1, maxWaitingStarts: 0 }).isOk())
  assert.ok(checkWait(Infinity).isOk())
})

test('a pvm host takes more CPUs with the standard kernel, or one of its own', () => {
  const pvm: HostCapacity = { ...host, flavour: 'pvm' }
  assert.ok(checkStart({ vcpus: 2 }, pvm).isErr())
  assert.ok(checkStart({ vcpus: 2, kernelFlavour: 'standard' }, pvm).isOk())
  assert.ok(checkStart({ vcpus: 2, kernel: '/vmlinux' }, pvm).isOk())
})

const wrong: readonly [StartOptions, string, RegExp][] = [
  [{ memoryMib: 0 }, 'memoryMib', /is 0; it must be a whole number from 32 to 1000/u],
  [{ memoryMib: 1_001 }, 'memoryMib', /is 1001; .* to 1000/u],
  [{ memoryMib: 64.5 }, 'memoryMib', /64\.5/u],
  [{ memoryMib: NaN }, 'memoryMib', /NaN/u],
  [{ vcpus: 0 }, 'vcpus', /from 1 to 8/u],
  [{ vcpus: 10_000 }, 'vcpus', /is 10000; it must be a whole number from 1 to 8/u],
  [{ vcpus: -1 }, 'vcpus', /-1/u],
  [{ vcpus: 2, kernelFlavour: 'pvm' }, 'vcpus', /from 1 to 1/u],
  [{ kernelFlavour: 'other' as 'pvm' }, 'kernelFlavour', /standard or pvm/u],
  [{ bootTimeoutMs: 0 }, 'bootTimeoutMs', /from 1/u],
  [{ workdir: 'relative' }, 'workdir', /"relative"; it must be an absolute path/u],
  [{ env: { 'A=B': 'c' } }, 'env.A=B', /name without "="/u],
  [{ env: { A: 'b\0c' } }, 'env.A', /NUL/u],
  [{ hostname: '-x' }, 'hostname', /letters/u],
  [{ hostname: 'x'.repeat(65) }, 'hostname', /64/u],
  [{ cmdline: 'a\nb' }, 'cmdline', /one line/u],
  [{ image: 'a\0' }, 'image', /NUL/u],
]

for (const [options, option, message] of wrong)
  test(`names option, value and what is allowed: ${JSON.stringify(options)}`, async () => {
    const error = await errorOf(checkStart(options, host))
    assert.equal([error._tag, error.code, error.option], ['InvalidOption', 'INVALID_OPTION', option])
    assert.match(error.message, message)
    assert.ok(error.message.startsWith(`${option} is `))
  })

test('checks what a program is run with', () => {
  const optionOf = (program: Parameters<typeof checkProgram>[0]) => {
    const checked = checkProgram(program)
    return checked.isErr() ? checked.error.option : null
  }
  assert.is(optionOf({ argv: ['a', ''] }), null)
  assert.is(optionOf({ argv: [] }), 'argv')
  assert.is(optionOf({ argv: [''] }), 'argv')
  assert.is(optionOf({ argv: ['a', 'b\0'] }), 'argv[1]')
  assert.is(optionOf({ argv: ['a'], cwd: 'x' }), 'cwd')
  assert.is(optionOf({ argv: ['a'], timeoutMs: -1 }), 'timeoutMs')
  assert.is(optionOf({ argv: ['a'], timeoutMs: 2 ** 31 }), 'timeoutMs')
  assert.is(optionOf({ argv: ['a'], tty: { rows: 70_000, columns: 1 } }), 'tty.rows')
  assert.is(optionOf({ argv: ['a'], maxOutputBytes: -5 }), 'maxOutputBytes')
})

test('checks paths, waits and the options of a runtime', async () => {
  assert.is((await errorOf(checkPath('etc'))).option, 'path')
  assert.is((await errorOf(checkWait(-1))).option, 'timeoutMs')
  assert.is((await errorOf(checkOpen({ hostThreads: 0 }))).option, 'hostThreads')
  assert.is((await errorOf(checkOpen({ vmsPerThread: 1.5 }))).option, 'vmsPerThread')
})

test.run()
