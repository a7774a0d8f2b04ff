import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { archive, gnuLong, paxRecord, writeNumber } from './archive.ts'
import { diskOf, errorOf } from './disk.ts'

const test = suite('layers: what archives can say')

test('keeps modes, owners, times and devices', async () => {
  const disk = await diskOf([
    [
      { name: 'd/', type: '5', mode: 0o2775, uid: 7, gid: 8, mtime: 5 },
      { name: 'd/f', mode: 0o4755, uid: 0o7777777, gid: 3, content: 'hello' },
      { name: 'd/c', type: '3', major: 259, minor: 300, mode: 0o600 },
      { name: 'd/b', type: '4', major: 8, minor: 1 },
      { name: 'd/p', type: '6' },
      { name: 'd/l', type: '2', link: '../x' },
    ],
  ])
  const directory = disk.get('/d')
  assert.equal([directory?.mode, directory?.uid, directory?.gid, directory?.mtime], [0o2775, 7, 8, 5n])
  const file = disk.get('/d/f')
  assert.equal([file?.mode, file?.uid, String(file?.content)], [0o4755, 0o7777777, 'hello'])
  assert.ok(file?.plain, 'files can be mapped')
  // As mknod: 12 bits of major, 20 of minor.
  assert.equal(disk.get('/d/c')?.rdev, (300 & 0xff) | (259 << 8) | ((300 & ~0xff) << 12))
  assert.equal([disk.get('/d/b')?.kind, disk.get('/d/b')?.rdev], ['block', 0x801])
  assert.equal(disk.get('/d/p')?.kind, 'fifo')
  assert.equal(String(disk.get('/d/l')?.content), '../x')
})

test('takes long names and link targets from PAX and GNU headers', async () => {
  const long = `${'a'.repeat(200)}/${'b'.repeat(200)}`
  const target = 'c'.repeat(3000)
  const disk = await diskOf([
    [
      { name: 'short', pax: { path: `pax/${long}`, linkpath: target }, type: '2' },
      gnuLong('L', `gnu/${long}`),
      gnuLong('K', target),
      { name: 'short', link: 'short', type: '2' },
    ],
  ])
  assert.equal(String(disk.get(`/pax/${long}`)?.content), target)
  assert.equal(String(disk.get(`/gnu/${long}`)?.content), target)
})

test('joins the prefix of a POSIX header to the name', async () => {
  const disk = await diskOf([[{ name: 'name', patch: (block) => block.write('some/prefix', 345) }]])
  assert.ok(disk.has('/some/prefix/name'))
})

test('keeps names that are not UTF-8 byte for byte', async () => {
  const name = Buffer.from([0x66, 0xff, 0xc3, 0x28])
  const inPax = Buffer.from([0x67, 0xfe])
  const disk = await diskOf([[{ name }, { name: 'x', pax: { path: inPax } }]])
  assert.ok(disk.has(`/${name.toString('latin1')}`))
  assert.ok(disk.has(`/${inPax.toString('latin1')}`))
})

test('takes numbers beyond octal fields, and times before 1970 and within the second', async () => {
  const disk = await diskOf([
    [
      { name: 'a', uid: 4_294_967_294, gid: 3_000_000_000, mtime: -5 },
      { name: 'b', pax: { uid: '4000000000', gid: '70000', mtime: '-1.25' } },
      { name: 'c', pax: { mtime: '8589934592.123456789123' } },
    ],
  ])
  const [a, b, c] = ['/a', '/b', '/c'].map((path) => disk.get(path))
  assert.equal([a?.uid, a?.gid, a?.mtime], [4_294_967_294, 3_000_000_000, -5n])
  assert.equal([b?.uid, b?.gid, b?.mtime, b?.nanoseconds], [4_000_000_000, 70_000, -2n, 750_000_000])
  assert.equal([c?.mtime, c?.nanoseconds], [8_589_934_592n, 123_456_789])
})

test('keeps extended attributes with any bytes, and those of file capabilities', async () => {
  const value = Buffer.from([0, 0xff, 0x0a, 0x3d, 0x80, 0])
  const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex')
  const disk = await diskOf([
    [
      {
        name: 'f',
        pax: {
          'SCHILY.xattr.user.any': value,
          'SCHILY.xattr.security.capability': capability,
          'SCHILY.xattr.system.posix_acl_access': Buffer.from([2, 0, 0, 0]),
          'SCHILY.xattr.trusted.empty': '',
          'SCHILY.xattr.com.apple.quarantine': 'no such name on Linux',
        },
      },
    ],
  ])
  assert.equal(disk.get('/f')?.xattrs, {
    'user.any': value,
    'security.capability': capability,
    'system.posix_acl_access': Buffer.from([2, 0, 0, 0]),
    'trusted.empty': Buffer.alloc(0),
  })
})

test('expands sparse files of all four kinds', async () => {
  const stored = `${'x'.repeat(1000)}yyyy`
  const expected = Buffer.alloc(100_000)
  expected.write('x'.repeat(1000), 5000)
  expected.write('yyyy', 60_000)
  const map = '2\n5000\n1000\n60000\n4\n'
  const disk = await diskOf([
    [
      {
        name: 'old',
        type: 'S',
        content: stored,
        patch: (block) => writeGnuMap(block, [5000, 1000, 60_000, 4], 100_000),
      },
      {
        name: 'zero',
        content: stored,
        pax: [
          ['GNU.sparse.size', '100000'],
          ['GNU.sparse.offset', '5000'],
          ['GNU.sparse.numbytes', '1000'],
          ['GNU.sparse.offset', '60000'],
          ['GNU.sparse.numbytes', '4'],
        ],
      },
      {
        name: 'GNUSparseFile.0/one',
        content: stored,
        pax: { 'GNU.sparse.size': '100000', 'GNU.sparse.name': 'one', 'GNU.sparse.map': '5000,1000,60000,4' },
      },
      {
        name: 'GNUSparseFile.0/two',
        content: map.padEnd(512, '\0') + stored,
        pax: {
          'GNU.sparse.major': '1',
          'GNU.sparse.minor': '0',
          'GNU.sparse.name': 'two',
          'GNU.sparse.realsize': '100000',
        },
      },
    ],
  ])
  for (const name of ['/old', '/zero', '/one', '/two'])
    assert.ok(disk.get(name)?.content.equals(expected), name)
})

test('reads the extension blocks of an old sparse map', async () => {
  const numbers = Array.from({ length: 30 }, (_, index) => [index * 100, 1]).flat()
  const extensions = [numbers.slice(8, 50), numbers.slice(50)].map((part, index) => {
    const block = Buffer.alloc(512)
    part.forEach((value, i) => writeNumber(block, value, i * 12, 12))
    block[504] = index === 0 ? 1 : 0
    return block
  })
  const patch = (block: Buffer): void => {
    writeGnuMap(block, numbers.slice(0, 8), 2901)
    block[482] = 1
  }
  const content = 'z'.repeat(30)
  const disk = await diskOf([
    [{ name: 'f', type: 'S', content, patch, extension: Buffer.concat(extensions) }],
  ])
  const expected = Buffer.alloc(2901)
  for (let i = 0; i < 30; i++) expected.write('z', i * 100)
  assert.ok(disk.get('/f')?.content.equals(expected))
})

test('ignores a global header, and takes a slash at the end of a name for a directory', async () => {
  const disk = await diskOf([
    [
      { name: 'g', type: 'g', content: paxRecord('path', 'not/for/us') },
      { name: 'old/', type: '0', mode: 0o700 },
    ],
  ])
  assert.equal([...disk.keys()], ['/', '/old'])
  assert.equal(disk.get('/old')?.kind, 'directory')
})

test('accepts an archive without its closing blocks', async () => {
  const error = await errorOf(archive([{ name: 'f', content: 'x' }], false)).catch(
    (reason: unknown) => reason,
  )
  assert.is(String(error), 'Error: the disk was made')
})

function writeGnuMap(block: Buffer, numbers: readonly number[], size: number): void {
  // A GNU header has its map where a POSIX one has a prefix.
  block.write('ustar  \0', 257, 'latin1')
  numbers.forEach((value, index) => writeNumber(block, value, 386 + index * 12, 12))
  writeNumber(block, size, 483, 12)
}

test.run()
