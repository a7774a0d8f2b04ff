import { join, relative } from 'node:path'
import { listFiles } from '../../build/inputs.mjs'

/** Time for one file: unit tests wait for nothing outside their process. */
const UNIT_SECONDS = 60
/** Time for one file of tests with guests: the slowest boots a guest emulated several times. */
const KVM_SECONDS = 900

/** @typedef {{ name: string, path: string, kvm: boolean, deadlineSeconds: number }} TestFile */

/**
 * All built test files, by name. Those in a folder `kvm` start guests.
 * @param {string} folder
 * @returns {TestFile[]}
 */
export function findTestFiles(folder) {
  return listFiles(folder)
    .filter((path) => path.endsWith('.test.js'))
    .sort()
    .map((path) => {
      const name = join('test', relative(folder, path)).replace(/\.js$/, '.ts')
      const kvm = name.split('/').includes('kvm')
      return { name, path, kvm, deadlineSeconds: kvm ? KVM_SECONDS : UNIT_SECONDS }
    })
}
