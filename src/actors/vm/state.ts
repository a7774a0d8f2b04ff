import type { BootFailed } from '../../errors/boot.ts'
import type { VmStopped } from '../../errors/vm.ts'
import type { AgentIdentity } from '../../host/interface.ts'

/** Where a VM is in its life; each state has a function of its own in `states/`. */
export type VmState =
  | { readonly name: 'booting' }
  | { readonly name: 'ready'; readonly agent: AgentIdentity }
  | { readonly name: 'stopping' }
  /** It ended as it was meant to. */
  | { readonly name: 'stopped'; readonly reason: VmStopped }
  | { readonly name: 'failed'; readonly reason: BootFailed | VmStopped }

export type VmStateName = VmState['name']
