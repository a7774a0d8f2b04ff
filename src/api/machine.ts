import type { KernelFlavour, VmConfig } from '../native/native.ts'
import type { Prepared } from './artifacts.ts'
import type { StartOptions } from './options.ts'

const MEMORY_MIB = 256
const VCPUS = 1
const HOSTNAME = 'actovisor'
/** Context ids are of one machine each: its vsock ends in this process, so all of them can have the same. */
const GUEST_CID = 3
/** A kernel's boot is 30 KiB of messages; the rest is for what it says later. */
const CONSOLE_BYTES = 256 * 1024

/** Which kind of kernel a VM's options ask for. */
export const flavourOf = (options: StartOptions, host: KernelFlavour): KernelFlavour =>
  options.kernelFlavour ?? (options.kernel === undefined ? host : 'standard')

/** The machine that a VM's options ask for. */
export const machineConfig = (
  options: StartOptions,
  prepared: Prepared,
  flavour: KernelFlavour,
): Omit<VmConfig, 'id'> => ({
  kernelPath: prepared.kernelPath,
  flavour,
  cmdline: `hostname=${options.hostname ?? HOSTNAME} ${options.cmdline ?? ''}`.trimEnd(),
  memoryMib: options.memoryMib ?? MEMORY_MIB,
  vcpus: options.vcpus ?? VCPUS,
  rootDiskPath: prepared.rootDiskPath,
  guestCid: GUEST_CID,
  consoleBytes: CONSOLE_BYTES,
})
