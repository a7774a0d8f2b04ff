/**
 * Generates `generated/agent_pb.ts` from the wire format. buf compiles the
 * schema and runs protoc-gen-es, both from node_modules; neither uses a network.
 */
import { execFile } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '../..')

/** What the generated code is a function of; for the caller's hash. */
export const inputs = ['guest/protocol/agent.proto', 'src/agent/generate.mjs', 'package-lock.json'].map(
  (path) => join(root, path),
)

/** What `generate` writes. */
export const output = join(root, 'src/agent/generated/agent_pb.ts')

/** Writes the generated code; rejects with what buf printed when the schema is wrong. */
export const generate = async () => {
  const bin = join(root, 'node_modules/.bin')
  const template = {
    version: 'v2',
    clean: true,
    plugins: [
      {
        local: join(bin, 'protoc-gen-es'),
        out: join(root, 'src/agent/generated'),
        opt: ['target=ts', 'import_extension=ts', 'erasable_syntax=true'],
      },
    ],
  }
  const path = `${bin}${delimiter}${process.env['PATH'] ?? ''}`
  await promisify(execFile)(
    join(bin, 'buf'),
    ['generate', join(root, 'guest/protocol'), '--template', JSON.stringify(template)],
    { cwd: root, timeout: 60_000, env: { ...process.env, PATH: path } },
  )
}

if (process.argv[1] === import.meta.filename) await generate()
