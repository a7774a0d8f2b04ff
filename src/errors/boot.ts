import * as Data from 'effect/Data'

/** A stage that a boot passed; `atMs` counts from the request for the VM. */
export interface BootStage {
  readonly name: string
  readonly atMs: number
}

/** Which way a boot failed. */
export type BootFailureCode =
  'BOOT_DEADLINE' | 'BOOT_NOT_CREATED' | 'BOOT_GUEST_STOPPED' | 'BOOT_AGENT_LOST' | 'BOOT_THREAD_LOST'

interface BootFailure {
  readonly code: BootFailureCode
  readonly vm: string
  readonly detail: string
  readonly stages: readonly BootStage[]
  /** The last lines of the serial console. */
  readonly consoleTail: string
  readonly hint: string
}

/** A VM that did not become ready: how far it came, when, and what its console said last. */
export class BootFailed extends Data.TaggedError('BootFailed')<
  BootFailure & { readonly stage: string; readonly message: string }
> {
  constructor(fields: BootFailure) {
    const stage = fields.stages.at(-1)?.name ?? 'none'
    const message = `VM ${fields.vm} did not boot: ${fields.detail}; it reached the stage ${stage}; ${fields.hint}`
    super({ ...fields, stage, message })
  }
}
