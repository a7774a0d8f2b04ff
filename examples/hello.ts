// Boots a microVM, runs two programs in it, and leaves nothing behind.
import { Actovisor } from 'actovisor/promises'

await using runtime = await Actovisor.open()
await using vm = await runtime.start({ memoryMib: 256 })

const hello = await vm.exec(['uname', '-a'])
console.log(hello.text.trim())

const { exitCode, errorText } = await vm.exec(['sh', '-c', 'echo oops >&2; exit 7'])
console.log(`exit code ${exitCode}, error output: ${errorText.trim()}`)
