import type { HostProbe } from '../../native/native.ts'
import type { KvmFacts, Problem } from './report.ts'
import { error } from './report.ts'
import type { System } from './system.ts'

const DEVICE = '/dev/kvm'
/** The only version that KVM has had since 2007. */
const API_VERSION = 12

/** Whether this process can use KVM, and what kind of host it is. */
export const examineKvm = (system: System): { readonly facts: KvmFacts; readonly problems: Problem[] } => {
  const present = system.exists(DEVICE)
  const permitted = present && system.permitted(DEVICE)
  const facts = (probe: HostProbe | null): KvmFacts => ({ device: DEVICE, present, permitted, probe })
  if (!present) return { facts: facts(null), problems: [absent] }
  if (!permitted) return { facts: facts(null), problems: [forbidden] }
  try {
    const probe = system.probe()
    return { facts: facts(probe), problems: probe.kvmApiVersion === API_VERSION ? [] : [foreign(probe)] }
  } catch (cause) {
    return { facts: facts(null), problems: [unprobed(cause)] }
  }
}

const absent = error(
  'kvm',
  `there is no ${DEVICE}`,
  'Turn virtualization (VT-x or AMD-V) on in the firmware and load the module: modprobe kvm_intel, or kvm_amd. ' +
    'In a virtual machine its host must allow nested virtualization; in a container pass the device in: --device /dev/kvm.',
)

const forbidden = error(
  'kvm',
  `${DEVICE} is there, but this process may not open it for reading and writing`,
  'Join the group of the device and log in again: sudo usermod -aG kvm "$USER".',
)

const foreign = (probe: HostProbe): Problem =>
  error(
    'kvm',
    `the API of ${DEVICE} has version ${probe.kvmApiVersion}, not ${API_VERSION}`,
    'Use a host kernel with mainline KVM.',
  )

const unprobed = (cause: unknown): Problem => {
  const message = cause instanceof Error ? cause.message : String(cause)
  const missing = cause instanceof Error && 'code' in cause && cause.code === 'MODULE_NOT_FOUND'
  return missing
    ? error('addon', 'the native addon is missing', 'Build it: node build.mjs crates.')
    : error('kvm', `${DEVICE} could not be probed: ${message}`, 'See dmesg for what KVM says.')
}
