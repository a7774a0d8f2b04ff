/**
 * Everything that crosses between TypeScript and the native addon, checked by
 * hand against `src/native/binding/src`: the same names in the same order, data
 * only, `null` for what is absent.
 */

export type HostClass = 'ordinary' | 'pvm-native' | 'pvm-emulated'

/** Which build of the guest kernel a host class runs. */
export type KernelFlavour = 'standard' | 'pvm'

export interface HostProbe {
  readonly hostClass: HostClass
  /** What the probe saw, as one sentence. */
  readonly evidence: string
  readonly flavour: KernelFlavour
  readonly kvmApiVersion: number
  readonly maxVcpus: number
  readonly cpuVendor: string
  readonly cpuModel: string
  /** Names of the special paths that are active on this host; none on ordinary KVM. */
  readonly quirks: readonly string[]
}

export interface VmConfig {
  /** 1 to 8 of [a-z0-9]; the vCPU threads are named `vcpu-<id>-<n>`. */
  readonly id: string
  /** An uncompressed x86-64 ELF kernel. */
  readonly kernelPath: string
  readonly flavour: KernelFlavour
  /** Words appended to the kernel command line, after those of machine and host class. */
  readonly cmdline: string
  readonly memoryMib: number
  readonly vcpus: number
  /** Read-only root file system image, given to the guest as virtio-pmem; its size is a multiple of 2 MiB. */
  readonly rootDiskPath: string | null
  /** Context id of the guest on its virtio-vsock; at least 3. */
  readonly guestCid: number
  /** Bytes kept of the serial console. */
  readonly consoleBytes: number
}

export type ExitKind =
  'killed' | 'reset' | 'guest-panic' | 'triple-fault' | 'emulation-failure' | 'kvm-error' | 'internal-error'

export type VmEvent =
  /** The boot passed a stage; `atNs` is CLOCK_MONOTONIC, the clock of process.hrtime. */
  | { readonly type: 'stage'; readonly name: string; readonly atNs: bigint }
  /** The guest connected to `port` of the host. */
  | { readonly type: 'vsock-open'; readonly connection: number; readonly port: number }
  /** Bytes, or the end, can be read. Once until `vsockRead` has answered empty. */
  | { readonly type: 'vsock-readable'; readonly connection: number }
  /** There is room again after a `vsockWrite` that took less than it was given. */
  | { readonly type: 'vsock-writable'; readonly connection: number }
  /** The connection is gone; its id is not used again. */
  | { readonly type: 'vsock-closed'; readonly connection: number; readonly reason: string }
  /** The last event of a VM: no vCPU runs any more. */
  | { readonly type: 'exit'; readonly kind: ExitKind; readonly detail: string; readonly atNs: bigint }

export interface VmMetrics {
  readonly exitsIo: bigint
  readonly exitsMmio: bigint
  readonly exitsOther: bigint
  readonly assisted: bigint
  readonly vsockRxBytes: bigint
  readonly vsockTxBytes: bigint
  readonly consoleBytes: bigint
  readonly consoleDroppedBytes: bigint
}

/** A virtual machine. Every method but `close` throws a NativeError with code `CLOSED` after `close`. */
export interface NativeVm {
  /** Lets the vCPUs run. Once. */
  start(): void
  /** Takes what happened since the last call, oldest first. Bounded: levels are coalesced. */
  takeEvents(): VmEvent[]
  /** Up to `maxBytes`; empty when nothing is there now; null at the end of the peer's stream. */
  vsockRead(connection: number, maxBytes: number): Buffer | null
  /** Takes a prefix of `bytes` and answers its length, 0 when there is no room. */
  vsockWrite(connection: number, bytes: Uint8Array): number
  /** Ends the connection with a reset. */
  vsockClose(connection: number): void
  /** The last bytes of the serial console. */
  consoleTail(maxBytes: number): Buffer
  pause(): void
  resume(): void
  metrics(): VmMetrics
  /** Makes the vCPUs stop; the `exit` event follows. */
  kill(): void
  /** Stops and joins the threads and frees all of it. Idempotent. */
  close(): void
}

export interface NativeBinding {
  /** Opens /dev/kvm and tells what kind of host this is. Throws a NativeError. */
  probeHost(): HostProbe
  /**
   * Makes a VM up to its first instruction. `onWake` is called on this thread
   * when `takeEvents` has something to give; calls are coalesced. It does not
   * keep the process alive. Throws a NativeError.
   */
  createVm(config: VmConfig, onWake: () => void): NativeVm
}

/** `code` of the errors that the binding throws. */
export type NativeErrorCode =
  | 'NO_KVM'
  | 'KVM_PERMISSION'
  | 'KVM_API'
  | 'INVALID_CONFIG'
  | 'KERNEL_UNREADABLE'
  | 'KERNEL_INVALID'
  | 'DISK_UNREADABLE'
  | 'DISK_INVALID'
  | 'NO_MEMORY'
  | 'KVM_ERROR'
  | 'NO_CONNECTION'
  | 'WRONG_STATE'
  | 'CLOSED'
