import type { MessagePort } from 'node:worker_threads'
import type { VmConfig } from '../../native/native.ts'

/** The argument of the task that is a VM. */
export interface VmLaunch {
  readonly config: VmConfig
  /** The module with the binding; null for the addon. */
  readonly bindingModule: string | null
  readonly control: MessagePort
  readonly flow: MessagePort
}
