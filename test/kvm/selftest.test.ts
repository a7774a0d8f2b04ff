import { suite } from 'uvu'
import { needsKvm } from '../harness.ts'
import { sharedGuest } from './guest.ts'
import { installSelftest, runSelftest } from './selftest.ts'

const test = needsKvm(suite('the guest kernel does what programs rely on'))
const shared = sharedGuest(test)

test('for root', async () => {
  await installSelftest(shared().vm)
  await runSelftest(shared().vm, 'root')
})

test('for a user', async () => {
  await runSelftest(shared().vm, '1000:1000')
})

test.run()
