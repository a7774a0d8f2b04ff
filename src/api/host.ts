import { availableParallelism, totalmem } from 'node:os'
import { existsSync } from 'node:fs'
import type { Result } from 'neverthrow'
import { err, ok } from 'neverthrow'
import { HostUnsupported, MissingArtifact } from '../errors/host.ts'
import { nativeFailure } from '../native/errors.ts'
import { addonPath, loadBinding } from '../native/load.ts'
import type { HostProbe, NativeBinding, NativeErrorCode } from '../native/native.ts'
import type { HostCapacity } from './options.ts'

/** Loads the binding on this thread and asks it what kind of host this is. */
export const probeHost = (
  bindingModule: string | null,
): Result<HostProbe, HostUnsupported | MissingArtifact> => {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return unsupported('PLATFORM', `it is ${process.platform}-${process.arch}`, 'use Linux on x86-64')
  if (bindingModule === null && !existsSync(addonPath()))
    return err(new MissingArtifact({ what: 'native addon', path: addonPath() }))
  return load(bindingModule).andThen(probe)
}

/** More vCPUs than this for each CPU only wait for one another. */
const VCPUS_PER_CPU = 4

/** What one VM may have at most on this host. */
export const capacityOf = (host: HostProbe): HostCapacity => ({
  memoryMib: Math.floor(totalMemory() / 2 ** 20),
  maxVcpus: Math.min(host.maxVcpus, VCPUS_PER_CPU * availableParallelism()),
  flavour: host.flavour,
})

/** Of the machine, or of the control group that this process is confined to. */
const totalMemory = (): number => {
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}

const load = (bindingModule: string | null): Result<NativeBinding, HostUnsupported> => {
  try {
    return ok(loadBinding(bindingModule))
  } catch (error) {
    const detail = `the native addon cannot be loaded: ${error instanceof Error ? error.message : String(error)}`
    return unsupported('ADDON_UNLOADABLE', detail, 'run node build.mjs again on this machine')
  }
}

const probe = (binding: NativeBinding): Result<HostProbe, HostUnsupported> => {
  try {
    return ok(binding.probeHost())
  } catch (error) {
    const { code, message } = nativeFailure(error)
    return unsupported(code, message, advice[code] ?? 'run actovisor doctor')
  }
}

const unsupported = (reason: HostUnsupported['reason'], detail: string, what: string) =>
  err(new HostUnsupported({ reason, detail, advice: what }))

const advice: Partial<Record<NativeErrorCode, string>> = {
  NO_KVM: 'enable virtualisation, load the module kvm_intel or kvm_amd, or pass /dev/kvm into the container',
  KVM_PERMISSION: 'join the group kvm (usermod -aG kvm $USER, then log in again), or run as root',
  KVM_API: 'use a kernel whose KVM has API version 12',
}
