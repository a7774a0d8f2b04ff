import { mkdtempSync, rmSync, truncateSync, copyFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { BootFailed } from '../../src/promises.ts'
import { needsKvm } from '../harness.ts'
import { failure, holdings, withRuntime } from './guest.ts'
import { builtInKernel } from './kernels.ts'

const test = needsKvm(suite('booting a VM'))
const NOTHING = { vcpuThreads: 0, kvmDescriptors: 0, kvmMappings: 0, diskMappings: 0 }

test('the stages are told in order, with their times', async () => {
  await withRuntime(async (runtime) => {
    const vm = await runtime.start({ memoryMib: 128 })
    const names = vm.stages.map(({ name }) => name)
    const wanted = ['vm', 'kernel', 'memory', 'vcpus', 'started', 'virtio-pmem', 'virtio-vsock']
    assert.equal(
      names.filter((name) => wanted.includes(name)),
      wanted,
    )
    const times = vm.stages.map(({ atMs }) => atMs)
    assert.equal(
      times,
      times.toSorted((a, b) => a - b),
    )
  })
})

test('a guest without an agent overruns its deadline with a diagnosis', async () => {
  await withRuntime(async (runtime) => {
    const spin = { cmdline: 'init=/bin/sh', bootTimeoutMs: 3000 }
    const error = (await failure(runtime.start({ memoryMib: 128, ...spin }))) as BootFailed
    assert.is(error._tag, 'BootFailed')
    assert.ok(['BOOT_DEADLINE', 'BOOT_GUEST_STOPPED'].includes(error.code), error.code)
    assert.ok(error.stages.some(({ name }) => name === 'started'))
    assert.ok(error.hint.length > 0)
  })
  assert.equal(holdings(), NOTHING)
})

test('a guest that panics at boot says so with its last lines', async () => {
  await withRuntime(async (runtime) => {
    const error = (await failure(
      runtime.start({ memoryMib: 128, cmdline: 'init=/no/such/init' }),
    )) as BootFailed
    assert.equal([error._tag, error.code], ['BootFailed', 'BOOT_GUEST_STOPPED'])
    assert.match(error.consoleTail, /Requested init \/no\/such\/init failed/)
  })
  assert.equal(holdings(), NOTHING)
})

test('kernels that are none are refused, each for its reason', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'actovisor-boot-'))
  try {
    await withRuntime(async (runtime) => {
      const text = join(folder, 'text')
      writeFileSync(text, 'not a kernel')
      const cut = join(folder, 'cut')
      copyFileSync(builtInKernel(runtime.host.flavour), cut)
      truncateSync(cut, 1 << 20)
      for (const [kernel, reason] of [
        [text, /not an uncompressed x86-64 ELF kernel/],
        [cut, /truncated/],
        ['/no/such/kernel', /\/no\/such\/kernel/],
      ] as const) {
        assert.match((await failure(runtime.start({ kernel }))).message, reason)
      }
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
  assert.equal(holdings(), NOTHING)
})

test('an abort at any stage leaves nothing', async () => {
  await withRuntime(async (runtime) => {
    for (const stage of ['vm', 'started', 'virtio-pmem', 'virtio-vsock']) {
      const abort = new AbortController()
      const events = runtime.events()
      const started = failure(runtime.start({ memoryMib: 128, signal: abort.signal }))
      for await (const event of events) {
        if (JSON.stringify(event, bigintText).includes(`"${stage}"`)) break
      }
      abort.abort()
      assert.is((await started)._tag, 'Aborted', stage)
    }
  })
  assert.equal(holdings(), NOTHING)
})

test('values out of range are refused before anything is made', async () => {
  await withRuntime(async (runtime) => {
    for (const options of [
      { memoryMib: 0 },
      { memoryMib: 2 ** 40 },
      { memoryMib: 1.5 },
      { vcpus: 0 },
      { vcpus: 10_000 },
      { image: '/no/such/layout' },
    ]) {
      const error = await failure(runtime.start(options))
      assert.ok(['InvalidOption', 'ImageFailed', 'MissingArtifact'].includes(error._tag), error._tag)
    }
  })
})

const bigintText = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value)

test.run()
