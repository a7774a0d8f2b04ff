import * as Data from 'effect/Data'
import type { NativeErrorCode } from '../native/native.ts'

/** A file that the set-up makes is not there. */
export class MissingArtifact extends Data.TaggedError('MissingArtifact')<{
  readonly what: string
  readonly path: string
  readonly message: string
}> {
  readonly code = 'MISSING_ARTIFACT'

  constructor(fields: { readonly what: string; readonly path: string }) {
    super({
      ...fields,
      message: `the ${fields.what} is missing: there is no ${fields.path}; run node build.mjs`,
    })
  }
}

/** This machine, or this process on it, cannot run VMs. */
export class HostUnsupported extends Data.TaggedError('HostUnsupported')<{
  readonly reason: NativeErrorCode | 'ADDON_UNLOADABLE' | 'PLATFORM'
  readonly detail: string
  readonly advice: string
  readonly message: string
}> {
  readonly code = 'HOST_UNSUPPORTED'

  constructor(fields: {
    readonly reason: NativeErrorCode | 'ADDON_UNLOADABLE' | 'PLATFORM'
    readonly detail: string
    readonly advice: string
  }) {
    super({ ...fields, message: `this host cannot run VMs: ${fields.detail}; ${fields.advice}` })
  }
}

/** The runtime was closed; it does nothing any more. */
export class RuntimeClosed extends Data.TaggedError('RuntimeClosed')<{ readonly message: string }> {
  readonly code = 'RUNTIME_CLOSED'

  constructor() {
    super({ message: 'the runtime is closed; open another' })
  }
}
