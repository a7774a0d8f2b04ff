import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compileBundles, compileModules } from '../../build/esbuild.mjs'
import { contextIn, inFolder, writeFiles } from './folder.ts'

const SOURCES = {
  'root/src/a.ts': `import { b } from './b.ts'\nimport { test } from 'uvu'\nexport const a: unknown = [b, test]\n`,
  'root/src/b.ts': `export const b: number = 42\n`,
  'root/test/build/c.ts': `import { d } from '../../build/d.mjs'\nexport const c: unknown = d\n`,
  'root/build/d.mjs': `export const d = 1\n`,
}

/** Compiles `source` of the sources above, giving the text of the output file that ends with `.js`. */
function compileWith(
  compile: typeof compileModules,
  source: string,
): Promise<{ path: string; text: string }> {
  return inFolder(async (folder) => {
    writeFiles(folder, SOURCES)
    mkdirSync(join(folder, 'root'), { recursive: true })
    symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'root/node_modules'))
    const context = contextIn(folder)
    const outputs = await compile(context, [context.path(source)])
    const code = outputs.find(({ path }) => path.endsWith('.js'))
    return {
      path: code?.path.slice(context.root.length) ?? '',
      text: new TextDecoder().decode(code?.contents),
    }
  })
}

test('a module keeps its imports, under the names of the outputs', async () => {
  const { path, text } = await compileWith(compileModules, 'src/a.ts')
  assert.is(path, '/dist/src/a.js')
  assert.match(text, /from "\.\/b\.js"/)
  assert.match(text, /from "uvu"/)
  assert.not.match(text, '42')
})

test('an import of what is not compiled finds it where it is', async () => {
  assert.match((await compileWith(compileModules, 'test/build/c.ts')).text, 'from "../../../build/d.mjs"')
})

test('a bundle holds what it imports', async () => {
  assert.match((await compileWith(compileBundles, 'src/a.ts')).text, '42')
})

test('an error of the compiler says where', async () => {
  const failed = compileWith(compileModules, 'src/none.ts')
  assert.match(await failed.then(String, String), /none\.ts/)
})

test.run()
