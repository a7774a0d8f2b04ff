export type { RuntimeEvent } from './actors/events.ts'
export type { RuntimeStats } from './actors/runtime.ts'
export type { StopReport } from './actors/vm/protocol/output.ts'
export type { VmStateName } from './actors/vm/state.ts'
export { Actovisor, type StartVmError } from './api/actovisor.ts'
export type { Contents, FileError, FileStat, Files, ReadOptions, WriteOptions } from './api/files.ts'
export type { OpenError } from './api/open.ts'
export type {
  Environment,
  ExecOptions,
  OpenOptions,
  SpawnOptions,
  StartOptions,
  WaitOptions,
} from './api/options.ts'
export type { Process, Signal } from './api/process.ts'
export { ExecResult, type ExitStatus } from './api/results.ts'
export type { GuestWriter } from './api/streams.ts'
export type { Vm, VmError } from './api/vm.ts'
export * from './errors/index.ts'
export type { HostedMetrics } from './host/interface.ts'
export type { HostClass, HostProbe, KernelFlavour } from './native/native.ts'
