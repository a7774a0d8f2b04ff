import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LayerInvalid } from '../../src/image/index.ts'
import { archive } from './archive.ts'
import { diskOf, errorOf } from './disk.ts'
import type { DiskInode } from './erofs-reader.ts'

const test = suite('layers: one on top of another')

const names = (disk: Map<string, DiskInode>): string[] => [...disk.keys()].slice(1)

test('hides a file and a directory by a whiteout', async () => {
  const disk = await diskOf([
    [{ name: 'a' }, { name: 'd/', type: '5' }, { name: 'd/x/y' }, { name: 'kept' }],
    [{ name: '.wh.a' }, { name: '.wh.d' }, { name: '.wh.never-there' }, { name: 'no/dir/.wh.x' }],
  ])
  assert.equal(names(disk), ['/kept'])
})

test('a whiteout leaves what its own layer has, before and after it', async () => {
  const disk = await diskOf([
    [{ name: 'd/old' }, { name: 'f', content: 'old' }],
    [
      { name: 'd/new' },
      { name: '.wh.d' },
      { name: 'd/newer' },
      { name: 'f', content: 'new' },
      { name: '.wh.f' },
    ],
  ])
  assert.equal(names(disk), ['/d', '/d/new', '/d/newer', '/f'])
  assert.is(String(disk.get('/f')?.content), 'new')
})

test('an opaque directory hides what lower layers put into it, and nothing else', async () => {
  const disk = await diskOf([
    [{ name: 'd/', type: '5', mode: 0o700 }, { name: 'd/a' }, { name: 'd/s/b' }, { name: 'e/c' }],
    [{ name: 'd/s/new' }, { name: 'd/.wh..wh..opq' }, { name: 'd/n' }],
  ])
  assert.equal(names(disk), ['/d', '/d/n', '/d/s', '/d/s/new', '/e', '/e/c'])
  assert.is(disk.get('/d')?.mode, 0o700)
})

test('passes over the bookkeeping of aufs', async () => {
  const disk = await diskOf([[{ name: '.wh..wh.plnk/', type: '5' }, { name: '.wh..wh.aufs' }, { name: 'a' }]])
  assert.equal(names(disk), ['/a'])
})

test('replaces a directory by a file and back, and by a link', async () => {
  const disk = await diskOf([
    [{ name: 'a/x' }, { name: 'b' }, { name: 'c/y' }, { name: 'f' }],
    [
      { name: 'a' },
      { name: 'b/', type: '5' },
      { name: 'b/z' },
      { name: 'c', type: '2', link: 'b' },
      { name: 'f/g' },
    ],
  ])
  assert.equal(names(disk), ['/a', '/b', '/b/z', '/c', '/f', '/f/g'])
  assert.equal([disk.get('/a')?.kind, disk.get('/c')?.kind], ['file', 'symlink'])
})

test('a directory over a directory changes its mode and keeps what is in it', async () => {
  const disk = await diskOf([
    [{ name: 'd/', type: '5', mode: 0o755 }, { name: 'd/x' }],
    [
      { name: 'd/', type: '5', mode: 0o700, uid: 5 },
      { name: './', type: '5', mode: 0o711 },
    ],
  ])
  assert.equal([disk.get('/d')?.mode, disk.get('/d')?.uid, disk.get('/')?.mode], [0o700, 5, 0o711])
  assert.ok(disk.has('/d/x'))
})

test('a directory over a link to a directory takes its place', async () => {
  const disk = await diskOf([
    [
      { name: 'real/', type: '5' },
      { name: 'l', type: '2', link: 'real' },
    ],
    [{ name: 'l/', type: '5' }, { name: 'l/x' }],
  ])
  assert.equal(names(disk), ['/l', '/l/x', '/real'])
})

test('a hard link is the same inode, also across layers, and lasts when its first name goes', async () => {
  const disk = await diskOf([
    [
      { name: 'a', content: 'text' },
      { name: 'b', type: '1', link: 'a' },
    ],
    [{ name: 'd/c', type: '1', link: '/b' }, { name: '.wh.a' }, { name: 'self', content: 's' }],
    [
      { name: 'self', type: '1', link: 'self' },
      { name: 'b', content: 'other' },
    ],
  ])
  assert.equal(names(disk), ['/b', '/d', '/d/c', '/self'])
  assert.equal([String(disk.get('/b')?.content), String(disk.get('/d/c')?.content)], ['other', 'text'])
  assert.equal([disk.get('/d/c')?.links, disk.get('/self')?.links], [1, 1])
})

test('a hard link to a symbolic link is the link itself', async () => {
  const disk = await diskOf([
    [
      { name: 'l', type: '2', link: 'nowhere' },
      { name: 'm', type: '1', link: 'l' },
    ],
  ])
  assert.is(disk.get('/m')?.nid, disk.get('/l')?.nid)
  assert.is(disk.get('/m')?.links, 2)
})

test('makes directories that no entry names, and counts their links', async () => {
  const disk = await diskOf([[{ name: 'a/b/c/file' }, { name: 'a/d/', type: '5' }]])
  const a = disk.get('/a')
  assert.equal([a?.mode, a?.uid, a?.mtime, a?.links], [0o755, 0, 0n, 4])
})

test('whiteouts go through links of lower layers, inside the tree', async () => {
  const disk = await diskOf([
    [{ name: 'var/run', type: '2', link: '/run' }, { name: 'run/x' }, { name: 'run/y' }],
    [{ name: 'var/run/.wh.x' }],
  ])
  assert.equal(names(disk), ['/run', '/run/y', '/var', '/var/run'])
})

test('names the layer and the entry of what cannot be applied', async () => {
  const error = await errorOf(archive([{ name: 'fine' }, { name: 'bad\n', type: '1', link: 'gone' }]))
  assert.instance(error, LayerInvalid)
  assert.match(error.message, 'at entry "bad\\n": its link target "gone" does not exist')
})

test.run()
