import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { uvu } from 'uvu'
import { Actovisor, type ActovisorError, type StartOptions, type Vm } from '../../src/promises.ts'

/** A runtime and a VM for the tests of one file. */
export interface Shared {
  readonly runtime: Actovisor
  readonly vm: Vm
}

/** Starts a runtime and one VM before the tests of a suite and ends both after them. */
export function sharedGuest<T>(test: uvu.Test<T>, options: StartOptions = {}): () => Shared {
  let shared: Shared | null = null
  test.before(async () => {
    const runtime = await Actovisor.open({ hostThreads: 1 })
    shared = { runtime, vm: await runtime.start({ memoryMib: 192, ...options }) }
  })
  test.after(async () => {
    await shared?.runtime.close()
  })
  return () => {
    if (shared === null) throw new Error('the suite has not been set up')
    return shared
  }
}

/** Runs `work` with a runtime of its own and closes it. */
export async function withRuntime<T>(work: (runtime: Actovisor) => Promise<T>): Promise<T> {
  const runtime = await Actovisor.open({ hostThreads: 1 })
  try {
    return await work(runtime)
  } finally {
    await runtime.close()
  }
}

/** The error that a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<ActovisorError> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if ('value' in outcome) throw new Error(`it did not fail, but gave ${String(outcome.value)}`)
  return outcome.error as ActovisorError
}

/** What a process holds that a VM could leave behind. */
export interface Holdings {
  readonly vcpuThreads: number
  readonly kvmDescriptors: number
  readonly kvmMappings: number
  readonly diskMappings: number
}

/** Counts what this process holds now. */
export function holdings(): Holdings {
  const threads = readdirSync('/proc/self/task').map((id) => read(`/proc/self/task/${id}/comm`))
  const links = readdirSync('/proc/self/fd').map((fd) => link(`/proc/self/fd/${fd}`))
  const maps = read('/proc/self/maps').split('\n')
  return {
    vcpuThreads: threads.filter((name) => name.startsWith('vcpu-')).length,
    kvmDescriptors: links.filter((target) => target.includes('kvm')).length,
    kvmMappings: maps.filter((line) => line.includes('kvm')).length,
    diskMappings: maps.filter((line) => line.includes('.erofs')).length,
  }
}

// A thread or a descriptor may be gone between the listing and the look.
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
