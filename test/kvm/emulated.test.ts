import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsKvm } from '../harness.ts'
import { sharedGuest } from './guest.ts'

// Where the host is kvm-pvm this boots the kernel that ordinary hosts run, emulated
// and slow; on an ordinary host it is the kernel of every other test.
const test = needsKvm(suite('the standard kernel'))
const shared = sharedGuest(test, { kernelFlavour: 'standard', bootTimeoutMs: 600_000 })

test('boots and runs commands', async () => {
  const { vm } = shared()
  const { text } = await vm.exec(['uname', '-r'], { timeoutMs: 120_000 })
  assert.is(text.trim(), vm.guest.kernel)
  const result = await vm.exec(['sh', '-c', 'echo out; echo err >&2; exit 3'], { timeoutMs: 120_000 })
  assert.equal([result.exitCode, result.text, result.errorText], [3, 'out\n', 'err\n'])
})

test.run()
