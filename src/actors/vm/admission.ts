import { IllegalState } from '../../errors/vm.ts'
import { Overloaded } from '../../errors/waiting.ts'
import type { HostFailure } from '../../host/failure.ts'
import type { Operation } from '../../host/interface.ts'
import type { VmContext } from './context.ts'
import { requestError } from './explain.ts'
import type { GuestRequest } from './protocol/input.ts'
import type { RequestError } from './protocol/output.ts'
import type { VmState } from './state.ts'

/** Begins a request, unless the VM has enough of them; it is answered when it is done. */
export const admit = (vm: VmContext, request: GuestRequest): void => {
  if (request.abandoned()) return
  if (vm.inFlight >= vm.maxInFlight) {
    const advice = 'wait for some to end'
    return request.refuse(new Overloaded({ limit: 'requests open in a VM', value: vm.maxInFlight, advice }))
  }
  vm.inFlight += 1
  void carryOut(vm, request)
}

const carryOut = async (vm: VmContext, request: GuestRequest): Promise<void> => {
  const failure = await request.carryOut(vm.link)
  vm.inFlight -= 1
  if (failure !== null) request.refuse(await explain(vm, request.operation, failure))
}

/** Answers a request that the state does not allow. What only the host does is possible as long as there is a machine. */
export const admitOrRefuse = (vm: VmContext, state: VmState, request: GuestRequest): void => {
  if (ofHost.has(request.operation)) return admit(vm, request)
  request.refuse(new IllegalState({ vm: vm.view.id, operation: request.operation, state: state.name }))
}

const ofHost: ReadonlySet<Operation> = new Set(['console', 'metrics'])

/** Why something asked of a VM failed, once that is known. */
export const explain = async (
  vm: Pick<VmContext, 'view' | 'ended'>,
  operation: Operation,
  failure: HostFailure,
): Promise<RequestError> => {
  switch (failure._tag) {
    case 'VmEnded':
    case 'LinkEnded':
    case 'ProtocolViolation':
      // Either way the machine goes down; how it did tells more than that the link is gone.
      return await vm.ended.promise
    default:
      return requestError(vm.view.id, operation, failure)
  }
}
