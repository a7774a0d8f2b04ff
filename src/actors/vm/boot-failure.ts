import type { BootFailureCode, BootStage } from '../../errors/boot.ts'
import { BootFailed } from '../../errors/boot.ts'
import type { VmEnd } from '../../host/failure.ts'
import type { NativeErrorCode } from '../../native/native.ts'
import { agentDetail, consoleText } from './explain.ts'
import type { StopCause } from './context.ts'

/** The end of a VM that never became ready, with all that helps to see why. */
export const bootFailed = (
  vm: string,
  stages: readonly BootStage[],
  end: VmEnd,
  cause: StopCause | null,
): BootFailed => {
  const code = failureCode(end, cause)
  const consoleTail = consoleText(end)
  return new BootFailed({
    code,
    vm,
    detail: failureDetail(code, end, cause),
    stages: [...stages],
    consoleTail,
    hint: hint(code, end, stages, consoleTail),
  })
}

const failureCode = (end: VmEnd, cause: StopCause | null): BootFailureCode => {
  if (end.kind === 'not-created') return 'BOOT_NOT_CREATED'
  if (end.kind === 'thread-lost') return 'BOOT_THREAD_LOST'
  if (end.kind !== 'killed') return 'BOOT_GUEST_STOPPED'
  if (cause?.type === 'boot-deadline') return 'BOOT_DEADLINE'
  return cause?.type === 'agent-lost' ? 'BOOT_AGENT_LOST' : 'BOOT_GUEST_STOPPED'
}

const failureDetail = (code: BootFailureCode, end: VmEnd, cause: StopCause | null): string => {
  if (code === 'BOOT_DEADLINE' && cause?.type === 'boot-deadline')
    return `its agent was not ready within ${cause.deadlineMs} ms`
  if (code === 'BOOT_AGENT_LOST' && cause?.type === 'agent-lost') return agentDetail(cause.failure)
  return code === 'BOOT_NOT_CREATED' ? end.detail : `${end.kind}: ${end.detail}`
}

const hint = (
  code: BootFailureCode,
  end: VmEnd,
  stages: readonly BootStage[],
  consoleTail: string,
): string => {
  if (code === 'BOOT_NOT_CREATED') return creationHints[end.code ?? 'KVM_ERROR'] ?? 'run actovisor doctor'
  if (code === 'BOOT_THREAD_LOST') return 'start it again; the thread has been replaced'
  if (/unable to mount root|cannot open root device/iu.test(consoleTail))
    return 'the kernel could not mount the root disk: it needs virtio-pmem and erofs built in'
  if (/no working init|run \/sbin\/init|failed to execute/iu.test(consoleTail))
    return 'the root disk has no agent that this kernel can run: run node build.mjs'
  if (stages.some(({ name }) => name === 'agent-connected'))
    return 'the agent of the image and this host may be of different versions: run node build.mjs'
  if (consoleTail === '')
    return 'the console is silent: the kernel may not fit this host, or be slow on it; run actovisor doctor, or raise bootTimeoutMs'
  return 'see the last lines of the console, or raise bootTimeoutMs'
}

const creationHints: Partial<Record<NativeErrorCode, string>> = {
  NO_KVM: 'this host has no /dev/kvm: enable virtualisation, or pass the device into the container',
  KVM_PERMISSION: 'join the group kvm, or run as root',
  KVM_API: 'the KVM of this kernel is too old or foreign',
  INVALID_CONFIG: 'correct the option that it names',
  KERNEL_UNREADABLE: 'check the path of the kernel, or run node build.mjs',
  KERNEL_INVALID: 'give an uncompressed x86-64 ELF kernel (vmlinux, not bzImage)',
  DISK_UNREADABLE: 'remove the cached disk and start again',
  DISK_INVALID: 'remove the cached disk and start again',
  NO_MEMORY: 'lower memoryMib or stop other VMs',
}
