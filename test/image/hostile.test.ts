import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isImageError, LayerInvalid, LimitExceeded } from '../../src/image/index.ts'
import { archive, type ArchiveEntry, gnuLong, writeNumber } from './archive.ts'
import { diskOf, errorOf } from './disk.ts'

const test = suite('layers: what hostile archives try')

const REFUSED: Readonly<Record<string, readonly ArchiveEntry[]>> = {
  'a wrong checksum': [{ name: 'f' }],
  'a file over the root': [{ name: '.', type: '0' }],
  'a type that nobody knows': [{ name: 'f', type: 'Z' }],
  'a part of a multi-volume archive': [{ name: 'f', type: 'M' }],
  'a number that is not octal': [{ name: 'f', patch: (block) => block.write('9999999', 100) }],
  'a negative size': [{ name: 'f', patch: (block) => writeNumber(block, -1, 124, 12) }],
  'a size beyond 2^53': [{ name: 'f', patch: (block) => block.fill(0x80, 124, 136) }],
  'an owner beyond 32 bits': [{ name: 'f', pax: { uid: '4294967295' } }],
  'a negative owner': [{ name: 'f', uid: -1 }],
  'a device number beyond 12 bits': [{ name: 'f', type: '3', major: 4096 }],
  'an extended header without its length': [{ name: 'x', type: 'x', content: 'path=f\n' }],
  'an extended header longer than itself': [{ name: 'x', type: 'x', content: '99 path=f\n' }],
  'an extended header of length zero': [{ name: 'x', type: 'x', content: '0 path=f\n' }],
  'an extended header and no entry': [{ name: 'x', type: 'x', content: '10 path=f\n' }],
  'an extended header of 2 MiB': [gnuLong('L', 'x'.repeat(2 ** 21)), { name: 'f' }],
  'a NUL byte in a name': [{ name: 'f', pax: { path: 'a\0b' } }],
  'a time that is not a number': [{ name: 'f', pax: { mtime: '1e5' } }],
  'a size that is not a number': [{ name: 'f', pax: { size: '-1' } }],
  'a link without a target': [{ name: 'f', type: '2' }],
  'a hard link to nothing': [{ name: 'f', type: '1', link: 'nothing' }],
  'a hard link out of the tree': [{ name: 'f', type: '1', link: '../../../../etc/passwd' }],
  'a hard link to a directory': [
    { name: 'd/', type: '5' },
    { name: 'f', type: '1', link: 'd' },
  ],
  'a file below a file': [{ name: 'f' }, { name: 'f/g' }],
  'a file below links in a circle': [
    { name: 'a', type: '2', link: 'b' },
    { name: 'b', type: '2', link: 'a' },
    { name: 'a/f' },
  ],
  'a whiteout of nothing': [{ name: '.wh.' }],
  'a whiteout of the parent': [{ name: 'd/.wh...' }],
  'an extended attribute with too long a name': [
    { name: 'f', pax: { [`SCHILY.xattr.user.${'x'.repeat(300)}`]: 'v' } },
  ],
  'an extended attribute of 64 KiB': [{ name: 'f', pax: { 'SCHILY.xattr.user.x': Buffer.alloc(65_536) } }],
  'a sparse map that overlaps': sparse('2\n0\n4\n2\n4\n', 'xxxxyyyy', 100),
  'a sparse map beyond the end': sparse('1\n98\n4\n', 'xxxx', 100),
  'a sparse map that says less than is stored': sparse('1\n0\n2\n', 'xxxx', 100),
  'a sparse map without its numbers': sparse('5\n0\n', '', 100),
  'a sparse map of letters': sparse('x\n', '', 100),
  'an unknown sparse format': [{ name: 'f', pax: { 'GNU.sparse.major': '7', 'GNU.sparse.minor': '0' } }],
  'a sparse file without a size': [{ name: 'f', content: 'x', pax: { 'GNU.sparse.map': '0,1' } }],
}

for (const [title, entries] of Object.entries(REFUSED)) {
  test(`refuses ${title}`, async () => {
    const layer = archive(entries)
    if (title === 'a wrong checksum') layer[0] = 0x7a
    const error = await errorOf(layer)
    assert.instance(error, LayerInvalid, error.message)
    assert.is(error.code, 'LAYER_INVALID')
    assert.match(error.message, /^layer sha256:[a-f0-9]{64} is invalid/)
  })
}

const LIMITED: Readonly<Record<string, readonly ArchiveEntry[]>> = {
  nameBytes: [{ name: 'f', pax: { path: 'x'.repeat(256) } }],
  pathDepth: [{ name: 'f', pax: { path: 'd/'.repeat(600) } }],
  linkBytes: [{ name: 'f', type: '2', pax: { linkpath: 'x'.repeat(4096) } }],
  bytes: sparse('1\n0\n1\n', 'x', 2 ** 40),
}

for (const [limit, entries] of Object.entries(LIMITED)) {
  test(`keeps to the limit ${limit}`, async () => {
    const error = await errorOf(archive(entries))
    assert.instance(error, LimitExceeded, error.message)
    assert.is(error instanceof LimitExceeded && error.limit, limit)
  })
}

test('keeps to the limits entries and layers, and to that of bytes for what is not stored', async () => {
  const many = archive(Array.from({ length: 11 }, (_, index) => ({ name: `f${index}` })))
  const limits = [{ entries: 10 }, { layers: 0 }, { bytes: 4096 }]
  for (const limit of limits) {
    const error = await errorOf(many, { limits: limit })
    assert.is(error instanceof LimitExceeded && error.limit, Object.keys(limit)[0])
  }
})

test('keeps names with .. and absolute names below the root', async () => {
  const disk = await diskOf([[{ name: '../../a' }, { name: '/b/../c' }, { name: 'd/../../../e/f' }]])
  assert.equal([...disk.keys()], ['/', '/a', '/c', '/e', '/e/f'])
})

test('follows links in the way of a name below the root, whatever they point at', async () => {
  const disk = await diskOf([
    [
      { name: 'absolute', type: '2', link: '/etc' },
      { name: 'absolute/one' },
      { name: 'up', type: '2', link: '../../../../etc' },
      { name: 'up/two' },
      { name: 'dangling', type: '2', link: 'made/for/it' },
      { name: 'dangling/three' },
      { name: 'four', type: '1', link: 'up/two' },
    ],
  ])
  for (const path of ['/etc/one', '/etc/two', '/made/for/it/three', '/four']) assert.ok(disk.has(path), path)
  assert.is(disk.get('/four')?.nid, disk.get('/etc/two')?.nid)
})

test('answers any damage to an archive with a disk or a typed error', async () => {
  const sound = archive([
    { name: 'd/', type: '5' },
    { name: 'f', content: 'x'.repeat(700), pax: { mtime: '1.5', 'SCHILY.xattr.user.a': 'b' } },
    gnuLong('L', 'g'.repeat(150)),
    { name: 'g', type: '1', link: 'f' },
    ...sparse('1\n5\n4\n', 'xxxx', 10_000),
  ])
  const random = generator(7)
  const damaged = [
    ...Array.from({ length: sound.length / 512 }, (_, index) => sound.subarray(0, index * 512)),
    ...Array.from({ length: 40 }, () => sound.subarray(0, random(sound.length))),
    ...Array.from({ length: 300 }, () => {
      const copy = Buffer.from(sound)
      const at = random(copy.length)
      copy[at] = random(256)
      return copy
    }),
  ]
  for (const layer of damaged) {
    const outcome = await errorOf(layer).catch((reason: unknown) => reason)
    assert.ok(isImageError(outcome) || String(outcome) === 'Error: the disk was made', String(outcome))
  }
})

function sparse(map: string, content: string, size: number): ArchiveEntry[] {
  const pax = { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': String(size) }
  return [{ name: 'sparse', content: map.padEnd(512, '\0') + content, pax }]
}

// Numbers that are the same in every run (a linear congruential generator).
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state % below
  }
}

test.run()
