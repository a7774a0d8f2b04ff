import type { ExecRequest, SpawnRequest } from '../../src/agent/requests.ts'
import type { HostOutcome } from '../../src/host/failure.ts'
import type { AgentIdentity, HostThreads, LinkObserver, VmLink } from '../../src/host/interface.ts'
import { startHostThreads } from '../../src/host/main/host-threads.ts'
import type { VmConfig } from '../../src/native/native.ts'
import { bindingModule } from '../doubles/runtime.ts'

/** Real host threads with scripted guests. */
export const scriptedThreads = (threads: number, errors: Error[] = []): HostThreads =>
  startHostThreads({
    threads,
    vmsPerThread: 8,
    heapMib: 64,
    bindingModule,
    onError: (error) => errors.push(error),
  })

export const config: VmConfig = {
  id: 'test',
  kernelPath: '/double',
  flavour: 'standard',
  cmdline: '',
  memoryMib: 64,
  vcpus: 1,
  rootDiskPath: null,
  guestCid: 3,
  consoleBytes: 1024,
}

/** A VM whose agent has connected, or whose end came before that. */
export const booted = async (
  threads: HostThreads,
  cmdline = '',
  differences: Partial<LinkObserver> = {},
): Promise<VmLink> => {
  const ready = Promise.withResolvers<AgentIdentity>()
  const observer = { onStage: () => {}, onBooted: ready.resolve, onAgentLost: () => {}, ...differences }
  const link = threads.start({ ...config, cmdline }, observer)
  await Promise.race([ready.promise, link.ended])
  return link
}

/** Given up never. */
export const unaborted: AbortSignal = new AbortController().signal

export const execRequest = (
  argv: readonly string[],
  differences: Partial<ExecRequest> = {},
): ExecRequest => ({
  argv,
  env: [],
  cwd: '/',
  user: '',
  timeoutMs: 0,
  input: null,
  maxOutputBytes: 100_000_000,
  ...differences,
})

export const spawnRequest = (
  argv: readonly string[],
  differences: Partial<SpawnRequest> = {},
): SpawnRequest => ({
  argv,
  env: [],
  cwd: '/',
  user: '',
  timeoutMs: 0,
  tty: null,
  stdin: false,
  ...differences,
})

/** The value of an outcome that must have one. */
export const valueOf = <A>(outcome: HostOutcome<A>): A => {
  if (!outcome.ok) throw new Error(`a failure: ${outcome.error._tag}`)
  return outcome.value
}

/** The kind of failure of an outcome, or null. */
export const failureTag = (outcome: HostOutcome<unknown>): string | null =>
  outcome.ok ? null : outcome.error._tag
