import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { DoctorReport } from '../../../src/cli/doctor/report.ts'
import { needsKvm } from '../../harness.ts'
import { runTool } from './tool.ts'

const test = needsKvm(suite('actovisor doctor and demo'))

test('this host can run guests, and doctor says so', async () => {
  const { code, stdout } = await runTool(['doctor', '--json'])
  const report = JSON.parse(stdout) as DoctorReport
  assert.equal([code, report.ok], [0, true])
  assert.is(report.kvm.probe?.kvmApiVersion, 12)
  const kernel = report.artifacts.find(({ name, needed }) => needed && name.endsWith('kernel'))
  assert.match(kernel?.version ?? '', /^\d+\.\d+/)
})

test('the demonstration ends well', async () => {
  const { code, stdout } = await runTool(['demo'])
  assert.is(code, 0)
  assert.match(stdout, /out \| to standard output\n +err \| to standard error/)
  assert.match(stdout, 'powered off')
})

test.run()
