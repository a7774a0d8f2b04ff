import type { HostProbe, NativeBinding } from '../../src/native/native.ts'
import { bootScript } from './script.ts'
import { ScriptedVm } from './scripted-vm.ts'

const probe: HostProbe = {
  hostClass: 'ordinary',
  evidence: 'a double of the native addon',
  flavour: 'standard',
  kvmApiVersion: 12,
  maxVcpus: 8,
  cpuVendor: 'TestVendor',
  cpuModel: 'Scripted',
  quirks: [],
}

/**
 * A binding without KVM. Its guests are scripted agents that speak the real wire
 * format; words of the kernel command line say how one boots and stops.
 */
export const binding: NativeBinding = {
  probeHost: () => probe,
  createVm: (config, onWake) => {
    const script = bootScript(config.cmdline)
    if (script.createFails !== null)
      throw Object.assign(new Error(`scripted: ${script.createFails}`), { code: script.createFails })
    return new ScriptedVm(script, onWake)
  },
}
