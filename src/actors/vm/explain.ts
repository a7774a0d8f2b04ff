import type { HostFailure, VmEnd } from '../../host/failure.ts'
import type { Operation } from '../../host/interface.ts'
import type { VmStopCode } from '../../errors/vm.ts'
import { VmStopped } from '../../errors/vm.ts'
import { Overloaded } from '../../errors/waiting.ts'
import { OutputTooLarge, RequestRefused, RequestTooLarge, StreamClosed } from '../../errors/request.ts'
import type { AgentFailure } from '../../agent/failure.ts'
import type { RequestError } from './protocol/output.ts'
import type { StopCause } from './context.ts'

/** A failed request as the error its asker gets. `end` is known when the failure was the end of the VM. */
export const requestError = (
  vm: string,
  operation: Operation,
  failure: Exclude<HostFailure, { _tag: 'LinkEnded' | 'ProtocolViolation' | 'VmEnded' }>,
): RequestError => {
  switch (failure._tag) {
    case 'Refused': {
      const { reason, errno, step, message } = failure
      return new RequestRefused({ vm, operation, reason, errno, step, detail: message })
    }
    case 'OutputLimit':
      return new OutputTooLarge({ vm, operation, limit: failure.limitBytes, unit: 'bytes' })
    case 'TooManyEntries':
      return new OutputTooLarge({ vm, operation, limit: failure.limit, unit: 'entries' })
    case 'RequestTooLarge':
      return new RequestTooLarge({ operation, bytes: failure.bytes, limitBytes: failure.limitBytes })
    case 'TooManyRequests':
      return new Overloaded({
        limit: 'requests open in a VM',
        value: failure.limit,
        advice: 'wait for some to end',
      })
    case 'Congested':
      return new Overloaded({
        limit: 'bytes waiting for the guest to read',
        value: failure.pendingBytes,
        advice: 'the guest does not read; wait or stop it',
      })
    case 'Abandoned':
      return new StreamClosed({ stream: `${operation}, which was given up,` })
    case 'StreamClosed':
      return new StreamClosed({ stream: failure.stream })
  }
}

/** The end of a VM as the error that everything asked of it gets. */
export const stoppedError = (vm: string, end: VmEnd, cause: StopCause | null): VmStopped => {
  const lost = cause?.type === 'agent-lost' && end.kind === 'killed'
  return new VmStopped({
    code: lost ? 'VM_AGENT_LOST' : stopCodes[end.kind],
    vm,
    detail: lost ? agentDetail(cause.failure) : `${end.kind}: ${end.detail}`,
    consoleTail: consoleText(end),
  })
}

/** What became of the connection to an agent, in words. */
export const agentDetail = (failure: AgentFailure): string =>
  failure._tag === 'ProtocolViolation'
    ? `its agent broke the protocol: ${failure.detail}`
    : failure._tag === 'LinkEnded'
      ? `the connection to its agent ended: ${failure.reason}`
      : `its agent failed: ${failure._tag}`

/** The console as text; bytes that are no UTF-8 become replacement characters. */
export const consoleText = (end: VmEnd): string => new TextDecoder().decode(end.consoleTail)

const stopCodes: Record<VmEnd['kind'], VmStopCode> = {
  killed: 'VM_KILLED',
  reset: 'VM_STOPPED',
  'guest-panic': 'VM_GUEST_PANIC',
  'triple-fault': 'VM_CRASHED',
  'emulation-failure': 'VM_CRASHED',
  'kvm-error': 'VM_CRASHED',
  'internal-error': 'VM_CRASHED',
  'not-created': 'VM_CRASHED',
  'thread-lost': 'VM_THREAD_LOST',
}
