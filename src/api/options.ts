import type { KernelFlavour } from '../native/native.ts'

/** Options of a runtime. */
export interface OpenOptions {
  /** Threads that VMs are put on; default: one for each CPU, at most 4. */
  readonly hostThreads?: number
  /** VMs on one thread; default 32. */
  readonly vmsPerThread?: number
  /** JavaScript heap of a host thread in MiB; default 256. Guest memory is not part of it. */
  readonly hostThreadHeapMib?: number
  /** Boots at once; default: twice the CPUs. */
  readonly maxConcurrentStarts?: number
  /** Starts that may wait for their turn; default 128. */
  readonly maxWaitingStarts?: number
  /** How long a start may wait for its turn; default 60 s. */
  readonly startWaitMs?: number
  /** Where root disks are kept; default `$XDG_CACHE_HOME/actovisor` or `~/.cache/actovisor`. */
  readonly cacheDir?: string
  readonly signal?: AbortSignal | undefined
}

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string>>

/** Options of a VM. */
export interface StartOptions {
  /** `base`, which is built in, or the path of an OCI image layout directory; default `base`. */
  readonly image?: string
  /** Reference name or digest, where a layout holds several images. */
  readonly reference?: string
  /** Path of a vmlinux of one's own; default: the built-in one of `kernelFlavour`. */
  readonly kernel?: string
  /**
   * What kind of kernel it is. `standard` runs on every host (emulated, and so slowly, where the host is
   * kvm-pvm), `pvm` only where kvm-pvm has its native mode. Default: `standard` for a kernel of one's own,
   * else what suits the host.
   */
  readonly kernelFlavour?: KernelFlavour
  /** Default 256. */
  readonly memoryMib?: number
  /** Default 1, and no more with a `pvm` kernel, which has one CPU. */
  readonly vcpus?: number
  /** Added to the image's for every program. */
  readonly env?: Environment
  /** Of every program that names none; default: the image's. */
  readonly workdir?: string
  /** "name" or "uid", each with an optional ":group"; default: the image's. */
  readonly user?: string
  /** Default `actovisor`. */
  readonly hostname?: string
  /** Words for the kernel command line, after our own. */
  readonly cmdline?: string
  /** From the first instruction to the agent; default 30 s. */
  readonly bootTimeoutMs?: number
  readonly signal?: AbortSignal | undefined
}

/** Options of anything that waits for a guest. */
export interface WaitOptions {
  readonly signal?: AbortSignal | undefined
  /** Default 30 s; `Infinity` for none. */
  readonly timeoutMs?: number | undefined
}

interface ProgramOptions {
  readonly env?: Environment
  readonly cwd?: string
  readonly user?: string
  /** Gives the program up: its process group is killed. */
  readonly signal?: AbortSignal | undefined
}

export interface ExecOptions extends ProgramOptions {
  /** All of standard input; none: /dev/null. */
  readonly input?: Uint8Array | string
  /** After this the process group is killed and the result says `timedOut`; default 10 minutes, 0: never. */
  readonly timeoutMs?: number | undefined
  /** Of both streams together; default 64 MiB. A program that writes more is killed. */
  readonly maxOutputBytes?: number
}

export interface SpawnOptions extends ProgramOptions {
  /** Runs it on a terminal of this size; its error output is part of its output then. */
  readonly tty?: { readonly rows: number; readonly columns: number }
  /** Default `none`: /dev/null. */
  readonly stdin?: 'pipe' | 'none'
  /** After this the process group is killed; default 0: never. */
  readonly timeoutMs?: number | undefined
}

/** What options are checked against: the machine that this runs on. */
export interface HostCapacity {
  readonly memoryMib: number
  readonly maxVcpus: number
  readonly flavour: KernelFlavour
}
