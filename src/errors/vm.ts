import * as Data from 'effect/Data'

/** Why a VM that was ready is not there any more. */
export type VmStopCode =
  'VM_STOPPED' | 'VM_KILLED' | 'VM_GUEST_PANIC' | 'VM_CRASHED' | 'VM_AGENT_LOST' | 'VM_THREAD_LOST'

/** The VM ended, and what was asked of it with it. */
export class VmStopped extends Data.TaggedError('VmStopped')<{
  readonly code: VmStopCode
  readonly vm: string
  readonly detail: string
  readonly consoleTail: string
  readonly message: string
}> {
  constructor(fields: {
    readonly code: VmStopCode
    readonly vm: string
    readonly detail: string
    readonly consoleTail: string
  }) {
    super({ ...fields, message: `VM ${fields.vm} has stopped: ${fields.detail}; start another` })
  }
}

/** The VM is in a state that does not allow this. */
export class IllegalState extends Data.TaggedError('IllegalState')<{
  readonly vm: string
  readonly operation: string
  readonly state: string
  readonly message: string
}> {
  readonly code = 'ILLEGAL_STATE'

  constructor(fields: { readonly vm: string; readonly operation: string; readonly state: string }) {
    super({
      ...fields,
      message: `VM ${fields.vm} is ${fields.state}; ${fields.operation} is possible only while it is ready`,
    })
  }
}
