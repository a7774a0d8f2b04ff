import { isMainThread } from 'node:worker_threads'
import { hostVm } from '../src/host/thread/hosted-vm.ts'

if (isMainThread) throw new Error('vm-host is the entry of a host thread and does nothing on the main thread')

/** The task of a host thread: one VM, from its launch to its end. */
export default hostVm
