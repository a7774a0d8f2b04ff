import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Piscina } from 'piscina'
import { packageRoot } from '../../package-root.ts'
import type { VmConfig } from '../../native/native.ts'
import type { VmEnd } from '../failure.ts'
import type { HostThreads, LinkObserver, VmLink } from '../interface.ts'
import type { VmLaunch } from '../protocol/launch.ts'
import { ThreadedLink } from './threaded-link.ts'

export interface HostThreadOptions {
  readonly threads: number
  readonly vmsPerThread: number
  /** Of JavaScript; the memory of guests is not part of it. */
  readonly heapMib: number
  /** The module with the binding; null for the addon. */
  readonly bindingModule: string | null
  /** Told of what went wrong on a thread outside of any VM. */
  readonly onError: (error: Error) => void
}

/** More threads than this serve no more VMs: they relay, the vCPUs have threads of their own. */
const MAX_DEFAULT_THREADS = 4

/** The number of host threads unless one is asked for. */
export const defaultThreads = (): number => Math.min(availableParallelism(), MAX_DEFAULT_THREADS)

/** The bundle that a host thread runs. */
export const hostEntry = (): string => join(packageRoot(), 'dist/workers/vm-host.js')

/** Starts the threads; each VM becomes one task on the least loaded. Throws when their code is not built. */
export const startHostThreads = (options: HostThreadOptions): HostThreads => {
  if (!existsSync(hostEntry())) throw new Error(`${hostEntry()} is missing`)
  const pool = makePool(options)
  pool.on('error', options.onError)
  return {
    threadCount: options.threads,
    start: (config, observer) => place(pool, options, config, observer),
    close: () => pool.destroy(),
  }
}

const makePool = ({ threads, vmsPerThread, heapMib }: HostThreadOptions): Pool =>
  new Piscina({
    filename: pathToFileURL(hostEntry()).href,
    minThreads: threads,
    maxThreads: threads,
    idleTimeout: Infinity,
    concurrentTasksPerWorker: vmsPerThread,
    // Otherwise a thread between tasks sleeps in Atomics.wait, and its ports and timers with it.
    atomics: 'disabled',
    recordTiming: false,
    resourceLimits: { maxOldGenerationSizeMb: heapMib },
  })

type Pool = Piscina<VmLaunch, VmEnd>

const place = (pool: Pool, options: HostThreadOptions, config: VmConfig, observer: LinkObserver): VmLink =>
  new ThreadedLink(
    {
      run: (ports) => {
        const launch = { ...ports, config, bindingModule: options.bindingModule }
        // No `signal`: a task with one gets its thread alone, and aborting it ends the thread.
        return pool.run(launch, { transferList: [ports.control, ports.flow] })
      },
      terminate: (threadId) => {
        void pool.threads.find((worker) => worker.threadId === threadId)?.terminate()
      },
    },
    observer,
  )
