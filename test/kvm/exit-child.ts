/** A process that ends with a VM alive and a program in it, in the way that its argument names. */
import { Actovisor } from 'actovisor/promises'

const [way] = process.argv.slice(2)
const runtime = await Actovisor.open({ hostThreads: 1 })
const vm = await runtime.start({ memoryMib: 128 })
const running = vm.exec(['sleep', '1000']).catch(() => null)
await vm.ping()
process.stdout.write('ready\n')
if (way === 'exit') process.exit(4)
if (way === 'throw') throw new Error('of the program')
if (way === 'close') await runtime.close()
await running
