import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type RootDisk, rootDiskFor } from '../../src/image/index.ts'
import { packageRoot } from '../../src/package-root.ts'
import { fsck, fsckMissing, valueOf } from './disk.ts'
import { type DiskInode, readDisk } from './erofs-reader.ts'
import { withFolder } from './folder.ts'

const test = suite('the base image as a disk')
const MIB = 2 ** 20

async function withBase(body: (disk: RootDisk, files: Map<string, DiskInode>) => void): Promise<void> {
  await withFolder(async (cacheDir) => {
    // `node build.mjs base` makes it; any file can stand for the agent here.
    const layout = join(packageRoot(), 'artifacts/base/layout')
    const disk = valueOf(
      await rootDiskFor({ layout, agentPath: join(packageRoot(), 'package.json'), cacheDir }),
    )
    body(disk, readDisk(disk.path))
  })
}

test('is small, and found by its reference name', () =>
  withBase((disk) => {
    assert.ok(disk.bytes <= 6 * MIB, `${disk.bytes} bytes`)
    assert.equal([disk.config.workdir, disk.config.cmd], ['/', ['/bin/sh']])
    assert.match(disk.config.env[0] ?? '', /^PATH=.*:\/bin$/)
  }))

test('has a shell and its commands, all one inode', () =>
  withBase((_, files) => {
    const busybox = files.get('/bin/busybox')
    assert.equal([busybox?.mode, busybox?.uid, busybox?.plain], [0o755, 0, true])
    for (const path of ['/bin/sh', '/bin/ls', '/usr/bin/sha256sum', '/sbin/ip', '/usr/bin/wc']) {
      assert.is(files.get(path)?.nid, busybox?.nid, path)
    }
    assert.ok((busybox?.links ?? 0) > 200)
    assert.is(files.get('/bin/bash')?.mode, 0o755)
  }))

test('has users, certificates and places to write, with the right owners and modes', () =>
  withBase((_, files) => {
    const text = (path: string): string => String(files.get(path)?.content)
    assert.match(text('/etc/passwd'), /^root:\*:0:0:/)
    assert.match(text('/etc/passwd'), 'user:*:1000:1000:user:/home/user:/bin/bash\n')
    assert.match(text('/etc/group'), 'user:*:1000:\n')
    assert.match(text('/etc/os-release'), 'ID=actovisor\nID_LIKE=debian\n')
    assert.ok(text('/etc/ssl/certs/ca-certificates.crt').split('BEGIN CERTIFICATE').length > 100)
    const attributes = ['/tmp', '/var/tmp', '/root', '/home/user', '/etc/passwd'].map((path) => {
      const inode = files.get(path)
      return [path, inode?.mode.toString(8), inode?.uid, inode?.gid]
    })
    assert.equal(attributes, [
      ['/tmp', '1777', 0, 0],
      ['/var/tmp', '1777', 0, 0],
      ['/root', '700', 0, 0],
      ['/home/user', '755', 1000, 1000],
      ['/etc/passwd', '644', 0, 0],
    ])
  }))

test('says the licences of what is in it', () =>
  withBase((_, files) => {
    for (const name of [
      'busybox-static',
      'bash-static',
      'tzdata',
      'ca-certificates',
      'netbase',
      'base-passwd',
    ]) {
      assert.ok((files.get(`/usr/share/doc/${name}/copyright`)?.size ?? 0) > 100, name)
    }
  }))

if (fsckMissing() === null)
  test('satisfies the checker of erofs-utils', () => withBase(({ path }) => fsck(path)))
else test.skip(`satisfies the checker of erofs-utils (${fsckMissing()})`)

test.run()
