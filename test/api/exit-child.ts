/** A process that ends with VMs alive, in the way that its argument names. */
import { openDouble } from '../doubles/runtime.ts'
import { valueOf } from '../doubles/results.ts'

const [way] = process.argv.slice(2)
const runtime = await openDouble({ hostThreads: 2 })
if (way !== 'idle') {
  const vm = await valueOf(runtime.start())
  await valueOf(runtime.start())
  void vm.exec(['sleep'])
  await valueOf(vm.ping())
}
process.stdout.write('ready\n')
if (way === 'exit') process.exit(4)
if (way === 'throw') throw new Error('of the program')
if (way === 'close') await runtime.close()
