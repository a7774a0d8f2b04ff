import { appendFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execFileSync } from 'node:child_process'
import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  buildRootDisk,
  DocumentInvalid,
  type ImageConfig,
  type ImageError,
  readImageConfig,
} from '../../src/image/index.ts'
import { archive } from './archive.ts'
import { diskOf, errorOf, valueOf } from './disk.ts'
import { blobFile, digestOf, json, putBlob, putImage, putIndex, putLayout, withFolder } from './folder.ts'

const test = suite('layouts: reading and refusing')
const LAYER = archive([{ name: 'f', content: 'x' }])
const AMD64 = { os: 'linux', architecture: 'amd64' }
const ARM64 = { os: 'linux', architecture: 'arm64' }

async function failure(layout: string, reference?: string): Promise<ImageError> {
  const options = { layout, extras: [], output: join(layout, 'disk') }
  const built = await buildRootDisk(reference === undefined ? options : { ...options, reference })
  if (built.isOk()) throw new Error('the disk was made')
  return built.error
}

for (const compression of ['none', 'gzip', 'zstd'] as const) {
  for (const docker of [false, true]) {
    test(`reads layers of ${docker ? 'docker' : 'OCI'} type packed by ${compression}`, async () => {
      const disk = await diskOf([[{ name: 'f', content: 'x'.repeat(9000) }]], { compression, docker })
      assert.is(disk.get('/f')?.size, 9000)
    })
  }
}

test('selects by reference name, by digest, and by platform in a nested index', () =>
  withFolder(async (folder) => {
    const [one, two, arm] = ['one', 'two', 'arm'].map((User) =>
      putImage(folder, [LAYER], { config: { config: { User }, ...(User === 'arm' ? ARM64 : {}) } }),
    )
    const nested = {
      schemaVersion: 2,
      manifests: [
        { ...arm, platform: ARM64 },
        { ...two, platform: { ...AMD64, variant: 'v3' } },
        { ...two, platform: AMD64 },
        { ...arm, platform: { os: 'unknown', architecture: 'unknown' } },
      ],
    }
    const index = putBlob(folder, 'application/vnd.oci.image.index.v1+json', json(nested))
    putIndex(folder, [
      { ...one, annotations: { 'org.opencontainers.image.ref.name': '1.0' } },
      { ...index, annotations: { 'org.opencontainers.image.ref.name': '2.0' } },
    ])
    const user = async (reference: string): Promise<string> =>
      valueOf(await readImageConfig({ layout: folder, reference })).user
    assert.equal([await user('1.0'), await user('2.0'), await user(one?.digest ?? '')], ['one', 'two', 'one'])
    const unknown = await failure(folder, '3.0')
    assert.is(unknown.code, 'REFERENCE_NOT_FOUND')
    assert.match(unknown.message, 'it has 1.0, 2.0')
    assert.match((await failure(folder)).message, 'holds several images; name one of them: it has 1.0, 2.0')
  }))

test('returns the whole config, with defaults for what is not set', () =>
  withFolder(async (folder) => {
    const config = {
      created: '2024-01-02T03:04:05Z',
      config: {
        Env: ['A=b'],
        WorkingDir: '/w',
        User: 'u:g',
        Entrypoint: ['/e'],
        Cmd: ['c'],
        StopSignal: 'SIGINT',
        ExposedPorts: { '80/tcp': {} },
        Volumes: { '/v': {} },
        Labels: { l: 'v' },
        Healthcheck: { Test: ['CMD', 'true'], Interval: 5_000_000_000, Retries: 2 },
      },
    }
    putLayout(join(folder, 'full'), [LAYER], { config })
    putLayout(join(folder, 'empty'), [LAYER], { config: { config: { Entrypoint: null, Labels: null } } })
    const read = async (name: string): Promise<ImageConfig> =>
      valueOf(await readImageConfig({ layout: join(folder, name) }))
    assert.equal(await read('full'), {
      ...AMD64,
      created: '2024-01-02T03:04:05Z',
      env: ['A=b'],
      workdir: '/w',
      user: 'u:g',
      entrypoint: ['/e'],
      cmd: ['c'],
      stopSignal: 'SIGINT',
      exposedPorts: ['80/tcp'],
      volumes: ['/v'],
      labels: { l: 'v' },
      healthcheck: {
        test: ['CMD', 'true'],
        interval: 5_000_000_000,
        timeout: null,
        startPeriod: null,
        retries: 2,
      },
    })
    const nothing = await read('empty')
    assert.equal(
      [nothing.entrypoint, nothing.labels, nothing.healthcheck, nothing.created],
      [[], {}, null, null],
    )
  }))

test('refuses a platform that is not the guest’s, in the index or in the config', () =>
  withFolder(async (folder) => {
    putLayout(join(folder, 'index'), [LAYER], { platform: ARM64 })
    putLayout(join(folder, 'config'), [LAYER], { platform: null, config: ARM64 })
    for (const name of ['index', 'config']) {
      const error = await failure(join(folder, name))
      assert.is(error.code, 'PLATFORM_NOT_FOUND')
      assert.match(error.message, 'is not for linux/amd64; it is for linux/arm64')
    }
  }))

test('refuses what is not a layout', () =>
  withFolder(async (folder) => {
    for (const path of [join(folder, 'absent'), '/dev/null', folder]) {
      assert.is((await failure(path)).code, 'LAYOUT_UNREADABLE', path)
    }
    putIndex(folder, [])
    rmSync(join(folder, 'index.json'))
    mkdirSync(join(folder, 'index.json'))
    assert.is((await failure(folder)).code, 'LAYOUT_UNREADABLE')
  }))

test('refuses documents that are not JSON, too large, or lack or garble a field, and says which', () =>
  withFolder(async (folder) => {
    const digest = putLayout(folder, [LAYER])
    const good = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'))
    const manifest = good.manifests[0]
    const cases: readonly (readonly [unknown, string])[] = [
      ['{', '/'],
      [[], '/'],
      [{ ...good, schemaVersion: 1 }, '/schemaVersion'],
      [{ schemaVersion: 2 }, '/manifests'],
      [{ ...good, manifests: [{ ...manifest, digest: '../../etc/passwd' }] }, '/manifests/0/digest'],
      [{ ...good, manifests: [{ ...manifest, digest: `sha256:${'A'.repeat(64)}` }] }, '/manifests/0/digest'],
      [{ ...good, manifests: [{ ...manifest, size: -1 }] }, '/manifests/0/size'],
      [{ ...good, manifests: [{ ...manifest, annotations: { a: 1 } }] }, '/manifests/0/annotations/a'],
      [{ ...good, manifests: [{ ...manifest, mediaType: 'a\0' }] }, '/manifests/0/mediaType'],
    ]
    for (const [document, field] of cases) {
      writeFileSync(join(folder, 'index.json'), typeof document === 'string' ? document : json(document))
      const error = await failure(folder)
      assert.is(error instanceof DocumentInvalid && error.field, field, error.message)
    }
    writeFileSync(join(folder, 'index.json'), Buffer.from([0x22, 0xff, 0x22]))
    assert.is((await failure(folder)).code, 'DOCUMENT_INVALID')
    writeFileSync(join(folder, 'index.json'), ' '.repeat(5 * 2 ** 20))
    assert.is((await failure(folder)).code, 'LIMIT_EXCEEDED')
    writeFileSync(join(folder, 'index.json'), json(good))
    writeFileSync(join(folder, 'oci-layout'), json({ imageLayoutVersion: '2.0.0' }))
    assert.match((await failure(folder)).message, 'expected version 1 at /imageLayoutVersion, found "2.0.0"')
    assert.ok(digest)
  }))

test('refuses a blob that is missing, truncated, too long, changed, or not a file', () =>
  withFolder(async (folder) => {
    const large = archive([{ name: 'f', content: Buffer.alloc(3 * 2 ** 20, 'x') }])
    const blob = blobFile(folder, digestOf(large))
    const spoil: readonly (readonly [string, () => void])[] = [
      ['BLOB_UNREADABLE', () => rmSync(blob)],
      ['BLOB_SIZE_WRONG', () => truncateSync(blob, 1000)],
      ['BLOB_SIZE_WRONG', () => appendFileSync(blob, 'x')],
      ['DIGEST_MISMATCH', () => writeFileSync(blob, Buffer.from(large).fill('y', 1000, 1001))],
      ['BLOB_UNREADABLE', () => execFileSync('mkfifo', [(rmSync(blob), blob)])],
    ]
    for (const [code, action] of spoil) {
      rmSync(folder, { recursive: true })
      putLayout(folder, [large])
      action()
      const error = await failure(folder)
      assert.is(error.code, code, error.message)
      assert.match(error.message, digestOf(large))
    }
  }))

test('refuses a layer whose uncompressed digest is not the one in the config', async () => {
  const error = await errorOf(LAYER, { compression: 'gzip', diffIds: [digestOf(Buffer.from('other'))] })
  assert.is(error.code, 'DIGEST_MISMATCH')
  assert.match(error.message, digestOf(LAYER))
})

test('refuses a config with another number of layers than the manifest', async () => {
  const error = await errorOf(LAYER, { diffIds: [digestOf(LAYER), digestOf(LAYER)] })
  assert.is(error instanceof DocumentInvalid && error.field, '/rootfs/diff_ids')
})

test('refuses packed layers that are cut short or garbled', () =>
  withFolder(async (folder) => {
    const packed = gzipSync(LAYER)
    const garbled = Buffer.from(packed)
    garbled.fill(0xff, 12, 30)
    for (const [name, bytes] of Object.entries({
      short: packed.subarray(0, -10),
      garbled,
      none: Buffer.from('no'),
    })) {
      const layout = join(folder, name)
      const layer = putBlob(layout, 'application/vnd.oci.image.layer.v1.tar+gzip', bytes)
      putManifest(layout, [layer])
      const error = await failure(layout)
      assert.is(error.code, 'LAYER_INVALID', `${name}: ${error.message}`)
      assert.match(error.message, layer.digest)
    }
  }))

test('stops unpacking a layer that grows beyond the limit', async () => {
  const bomb = archive([{ name: 'f', content: Buffer.alloc(32 * 2 ** 20) }])
  const error = await errorOf(bomb, { compression: 'gzip', limits: { bytes: 2 ** 20 } })
  assert.is(error.code, 'LIMIT_EXCEEDED')
})

test('refuses media types that are not an image', () =>
  withFolder(async (folder) => {
    putManifest(join(folder, 'layer'), [putBlob(join(folder, 'layer'), 'application/vnd.cncf.helm', LAYER)])
    const other = join(folder, 'manifest')
    putIndex(folder, [])
    const blob = putBlob(other, 'application/octet-stream', Buffer.from('x'))
    putIndex(other, [blob])
    for (const name of ['layer', 'manifest']) {
      assert.is((await failure(join(folder, name))).code, 'MEDIA_TYPE_UNSUPPORTED', name)
    }
  }))

test('gives up on indexes that lead nowhere', () =>
  withFolder(async (folder) => {
    const type = 'application/vnd.oci.image.index.v1+json'
    let entry: object = putImage(folder, [LAYER])
    for (let i = 0; i < 6; i++) entry = putBlob(folder, type, json({ schemaVersion: 2, manifests: [entry] }))
    putIndex(folder, [entry])
    assert.is((await failure(folder)).code, 'MEDIA_TYPE_UNSUPPORTED')
  }))

function putManifest(layout: string, layers: readonly object[]): void {
  const config = { ...AMD64, rootfs: { type: 'layers', diff_ids: layers.map(() => digestOf(LAYER)) } }
  const type = 'application/vnd.oci.image.manifest.v1+json'
  const descriptor = putBlob(layout, 'application/vnd.oci.image.config.v1+json', json(config))
  putIndex(layout, [putBlob(layout, type, json({ schemaVersion: 2, config: descriptor, layers }))])
}

test.run()
