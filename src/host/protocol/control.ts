import type { HostOutcome } from '../failure.ts'
import type { GuestCalls } from '../interface.ts'

/** Operations that are one question and one answer; the others are streams. */
export type ControlOperation = Exclude<keyof GuestCalls, 'spawn' | 'readFile' | 'writeFile'>

/**
 * What a host thread exposes of a VM. Answers are plain data, never errors
 * thrown: those would lose all but their message on the way.
 */
export type ControlApi = {
  readonly [K in ControlOperation]: (
    op: number,
    request: GuestCalls[K]['request'],
  ) => Promise<HostOutcome<GuestCalls[K]['answer']>>
} & {
  /** Gives up the operation `op`, which then answers. */
  readonly cancel: (op: number) => void
  readonly signal: (op: number, number: number) => HostOutcome<null>
  readonly resize: (op: number, rows: number, columns: number) => HostOutcome<null>
  readonly kill: () => void
}
