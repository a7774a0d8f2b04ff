import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { buildRootDisk, type Extra, guestExtras } from '../../src/image/index.ts'
import { archive, type ArchiveEntry } from './archive.ts'
import { diskOf, fsck, fsckMissing, valueOf } from './disk.ts'
import { readDisk } from './erofs-reader.ts'
import { digestOf, putLayout, withFolder } from './folder.ts'

const test = suite('disks: what is written')
const fsckTest = fsckMissing() === null ? test : skipped

function skipped(name: string): void {
  test.skip(`${name} (${fsckMissing()})`)
}

// Something of everything.
const LAYERS: readonly (readonly ArchiveEntry[])[] = [
  [
    { name: 'bin/', type: '5' },
    { name: 'bin/a', content: 'a'.repeat(5000), mode: 0o755 },
    { name: 'bin/same', content: 'a'.repeat(5000) },
    { name: 'bin/hard', type: '1', link: 'bin/a' },
    { name: 'bin/soft', type: '2', link: 'a' },
    { name: 'long', type: '2', pax: { linkpath: 'x/'.repeat(2040) } },
    { name: 'empty' },
    { name: 'zeros', content: Buffer.alloc(1 << 20) },
    { name: 'gone', content: 'g'.repeat(20_000) },
    { name: 'xattrs', content: 'x', pax: { 'SCHILY.xattr.user.big': Buffer.alloc(6000, 'v') } },
    { name: 'dir-xattrs/', type: '5', pax: { 'SCHILY.xattr.user.big': Buffer.alloc(5000, 'v') } },
    ...Array.from({ length: 1000 }, (_, index) => ({
      name: `many/entry-with-a-name-${index}`,
      content: `${index}`,
    })),
  ],
  [{ name: '.wh.gone' }, { name: 'last', content: 'l'.repeat(10_000) }],
]

fsckTest('satisfies the checker of erofs-utils, which extracts what was put in', () =>
  withFolder(async (folder) => {
    const disk = await build(folder)
    fsck(disk)
    const out = join(folder, 'out')
    fsck(disk, `--extract=${out}`, '--no-preserve')
    const read = (name: string): string => readFileSync(join(out, name), 'utf8')
    assert.is(read('bin/a'), 'a'.repeat(5000))
    assert.is(read('bin/soft'), 'a'.repeat(5000))
    assert.is(read('zeros'), '\0'.repeat(1 << 20))
    assert.is(read('last'), 'l'.repeat(10_000))
    assert.is(read('many/entry-with-a-name-999'), '999')
    assert.is(readdirSync(join(out, 'many')).length, 1000)
    assert.is(statSync(join(out, 'bin/a')).size, 5000)
  }),
)

fsckTest(
  'satisfies the checker for directories of every size around a block, and links as well',
  async () => {
    for (let length = 3900; length <= 4110; length += 7) {
      await withFolder(async (folder) => {
        const target = 'x'.repeat(Math.min(length, 4095))
        const entries = [
          { name: 'd/', type: '5' },
          { name: `d/${'n'.repeat(200)}` },
          ...Array.from({ length: 16 }, (_, index) => ({ name: `d/${index}`.padEnd(length / 17 - 12, 'p') })),
          { name: 'link', type: '2', pax: { linkpath: target } },
        ]
        putLayout(join(folder, 'layout'), [archive(entries)])
        const output = join(folder, 'disk')
        const built = await buildRootDisk({ layout: join(folder, 'layout'), output, extras: [] })
        fsck(valueOf(built).path)
        const disk = readDisk(output)
        assert.is(String(disk.get('/link')?.content), target)
        assert.is([...disk.keys()].filter((path) => path.startsWith('/d/')).length, 17)
      })
    }
  },
)

test('gives the same bytes for the same input', () =>
  withFolder(async (folder) => {
    const [one, two] = [await build(folder, 'one'), await build(folder, 'two')]
    assert.is(digestOf(readFileSync(one)), digestOf(readFileSync(two)))
  }))

test('has a size that persistent memory can have', () =>
  withFolder(async (folder) => {
    assert.is(statSync(await build(folder)).size % (2 * 2 ** 20), 0)
  }))

test('stores no block of zeros', () =>
  withFolder(async (folder) => {
    const mib = 2 ** 20
    putLayout(folder, [archive([{ name: 'zeros', content: Buffer.alloc(16 * mib) }])])
    const built = valueOf(await buildRootDisk({ layout: folder, output: join(folder, 'disk'), extras: [] }))
    const { size, blocks } = statSync(built.path)
    assert.is(size, 18 * mib)
    assert.ok(blocks * 512 < mib, `${blocks} sectors of ${size} bytes`)
  }))

test('stores equal contents once, and what upper layers replaced not at all', async () => {
  const once = await diskOf([[{ name: 'a', content: 'z'.repeat(50_000) }]])
  const disk = await diskOf([
    [
      { name: 'gone', content: 'g'.repeat(500_000) },
      { name: 'a', content: 'z'.repeat(50_000) },
      { name: 'b', content: 'z'.repeat(50_000) },
      { name: 'c', content: `${'z'.repeat(49_999)}y` },
    ],
    [{ name: '.wh.gone' }, { name: 'd', content: 'z'.repeat(50_000) }],
  ])
  const blocks = ['/a', '/b', '/c', '/d'].map((path) => disk.get(path)?.block ?? 0)
  assert.equal([blocks[0], blocks[1], blocks[3]], [once.get('/a')?.block, blocks[0], blocks[0]])
  assert.is(blocks[2], (blocks[0] ?? 0) + 13)
  assert.is(String(disk.get('/c')?.content), `${'z'.repeat(49_999)}y`)
})

test('tells contents apart that have the same checksum', async () => {
  const one = Buffer.alloc(5000, 'c')
  const other = Buffer.from(one)
  // A multiple of the polynomial of CRC-32, first bit lowest, changes no checksum.
  for (let i = 0; i <= 32; i++) {
    if ((0x1_04c1_1db7n >> BigInt(32 - i)) & 1n)
      other[100 + (i >> 3)] = (other[100 + (i >> 3)] ?? 0) ^ (1 << (i & 7))
  }
  assert.is(crc32(one), crc32(other))
  const disk = await diskOf([
    [
      { name: 'one', content: one },
      { name: 'other', content: other },
    ],
  ])
  assert.ok(disk.get('/one')?.content.equals(one))
  assert.ok(disk.get('/other')?.content.equals(other))
})

test('a file that replaces another equal but for zeros shows no trace of it', async () => {
  // The second is stored over where the first was taken back, and its zeros must be zeros there.
  const mib = 2 ** 20
  const content = Buffer.concat([Buffer.alloc(2 * mib, 'a'), Buffer.alloc(10)])
  const zeros = Buffer.concat([Buffer.alloc(2 * mib), Buffer.from('end')])
  const disk = await diskOf([
    [
      { name: 'a', content },
      { name: 'b', content },
      { name: 'c', content: zeros },
    ],
  ])
  assert.ok(disk.get('/c')?.content.equals(zeros))
})

test('puts extras on top, whatever the image has in their way', () =>
  withFolder(async (folder) => {
    const agent = join(folder, 'agent')
    writeFileSync(agent, 'program')
    const layer: ArchiveEntry[] = [
      { name: '.actovisor', type: '2', link: '/elsewhere' },
      { name: 'elsewhere/init', content: 'theirs' },
      { name: 'dev/', type: '5', mode: 0o700, mtime: 9 },
      { name: 'dev/null', type: '3', major: 1, minor: 3 },
      { name: 'tmp', type: '2', link: 'var/tmp' },
      { name: 'var/tmp/', type: '5' },
      { name: 'proc', content: 'a file' },
    ]
    putLayout(join(folder, 'layout'), [archive(layer)])
    const output = join(folder, 'disk')
    const extras = guestExtras(agent)
    const built = await buildRootDisk({ layout: join(folder, 'layout'), output, extras })
    assert.is(valueOf(built).path, output)
    const disk = readDisk(output)
    const init = disk.get('/.actovisor/init')
    assert.equal([String(init?.content), init?.mode, init?.uid, init?.mtime], ['program', 0o755, 0, 0n])
    assert.is(String(disk.get('/elsewhere/init')?.content), 'theirs')
    for (const name of ['lower', 'upper', 'root'])
      assert.is(disk.get(`/.actovisor/${name}`)?.kind, 'directory')
    assert.equal([disk.get('/dev')?.mode, disk.get('/dev/null')?.kind], [0o700, 'character'])
    assert.is(disk.get('/tmp')?.kind, 'symlink')
    assert.equal([disk.get('/proc')?.kind, disk.get('/proc')?.mode], ['directory', 0o555])
  }))

test('refuses extras that cannot be read', () =>
  withFolder(async (folder) => {
    putLayout(folder, [archive([])])
    for (const source of ['/nowhere', '/dev', '/dev/zero']) {
      const extras: Extra[] = [{ kind: 'file', path: '/x', source, mode: 0o644 }]
      const built = await buildRootDisk({ layout: folder, output: join(folder, 'disk'), extras })
      assert.is(built.isErr() && built.error.code, 'EXTRA_INVALID', source)
    }
    assert.not.ok(readdirSync(folder).some((name) => name.startsWith('disk')))
  }))

test('says where it cannot write, and leaves an older disk as it was', () =>
  withFolder(async (folder) => {
    putLayout(folder, [archive([])])
    const nowhere = await buildRootDisk({ layout: folder, output: join(folder, 'no/such/disk'), extras: [] })
    assert.is(nowhere.isErr() && nowhere.error.code, 'DISK_WRITE_FAILED')
    const output = join(folder, 'disk')
    writeFileSync(output, 'older')
    const failed = await buildRootDisk({ layout: folder, output, extras: [], limits: { bytes: 4096 } })
    assert.is(failed.isErr() && failed.error.code, 'LIMIT_EXCEEDED')
    assert.is(readFileSync(output, 'utf8'), 'older')
  }))

async function build(folder: string, name = 'disk'): Promise<string> {
  putLayout(
    join(folder, 'layout'),
    LAYERS.map((entries) => archive(entries)),
    { compression: 'gzip' },
  )
  const output = join(folder, name)
  const built = await buildRootDisk({ layout: join(folder, 'layout'), output, extras: [] })
  return valueOf(built).path
}

test.run()
