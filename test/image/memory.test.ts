import { createHash } from 'node:crypto'
import { closeSync, openSync, renameSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { buildRootDisk } from '../../src/image/index.ts'
import { archive } from './archive.ts'
import { valueOf } from './disk.ts'
import { blobFile, json, putBlob, putIndex, withFolder } from './folder.ts'

const test = suite('disks: what they cost')

const MIB = 2 ** 20
const LAYER_MIB = 384
// Of which most is the room that V8 leaves before it collects buffers.
const ALLOWED_MIB = 160

test(`takes less than ${ALLOWED_MIB} MiB of memory for a layer of ${LAYER_MIB} MiB, and keeps the thread free`, () =>
  withFolder(async (folder) => {
    putLargeLayout(folder)
    const before = process.memoryUsage().rss
    let peak = before
    let turns = 0
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss)
      turns++
    }, 10)
    const built = await buildRootDisk({ layout: folder, output: join(folder, 'disk'), extras: [] })
    clearInterval(watch)
    assert.ok(valueOf(built).bytes > LAYER_MIB * MIB)
    const used = (peak - before) / MIB
    assert.ok(used < ALLOWED_MIB, `${used} MiB`)
    assert.ok(turns > 10, `timers ran ${turns} times`)
  }))

// A layer that never is in memory as a whole: one file of noise, one of zeros, and many small ones.
function putLargeLayout(folder: string): void {
  const half = (LAYER_MIB / 2) * MIB
  const chunk = Buffer.alloc(MIB)
  for (let i = 0; i < MIB; i += 4) chunk.writeUInt32LE(Math.imul(i + 1, 2_654_435_761) >>> 0, i)
  const small = archive(
    Array.from({ length: 5000 }, (_, index) => ({ name: `d/${index}`, content: `${index}` })),
  )
  const zeros = Buffer.alloc(MIB)
  const parts = [
    archive([{ name: 'noise', statedSize: half }], false),
    ...Array.from({ length: LAYER_MIB / 2 }, () => chunk),
    archive([{ name: 'zeros', statedSize: half }], false),
    ...Array.from({ length: LAYER_MIB / 2 }, () => zeros),
    small,
  ]
  const type = 'application/vnd.oci.image.layer.v1.tar'
  const empty = putBlob(folder, type, Buffer.alloc(0))
  const path = join(folder, 'blobs', 'layer')
  const file = openSync(path, 'w')
  const hash = createHash('sha256')
  for (const part of parts) {
    hash.update(part)
    writeSync(file, part)
  }
  closeSync(file)
  const digest = `sha256:${hash.digest('hex')}`
  renameSync(path, blobFile(folder, digest))
  const layer = { ...empty, digest, size: statSync(blobFile(folder, digest)).size }
  const config = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [digest] } }
  const descriptor = putBlob(folder, 'application/vnd.oci.image.config.v1+json', json(config))
  const manifest = json({ schemaVersion: 2, config: descriptor, layers: [layer] })
  putIndex(folder, [putBlob(folder, 'application/vnd.oci.image.manifest.v1+json', manifest)])
}

test.run()
