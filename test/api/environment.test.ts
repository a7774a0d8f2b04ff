import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { mergeEnvironment } from '../../src/api/environment.ts'

const test = suite('api: environment')

test('puts later layers over earlier ones', () => {
  const merged = mergeEnvironment(['A=image', 'B=image', 'C=image'], { B: 'vm', C: 'vm' }, undefined, {
    C: 'own',
  })
  assert.equal(merged.slice(1), ['A=image', 'B=vm', 'C=own'])
})

test('has a PATH where nobody says', () => {
  assert.ok(mergeEnvironment([])[0]?.startsWith('PATH=/usr/local/sbin:'))
  assert.equal(mergeEnvironment(['PATH=/image']), ['PATH=/image'])
  assert.equal(mergeEnvironment(['PATH=/image'], { PATH: '/own' }), ['PATH=/own'])
})

test('keeps "=" in values and drops what has no name', () => {
  assert.equal(mergeEnvironment(['PATH=/', 'A=b=c', '=x', 'none']), ['PATH=/', 'A=b=c'])
})

test.run()
