import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createContext } from '../../build/context.mjs'
import type { Task } from '../../build/runner.mjs'

/** Gives `work` a folder of its own and removes it afterwards. */
export async function inFolder<T>(work: (folder: string) => Promise<T> | T): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'actovisor-test-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Writes files, given by relative path, below a folder. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
}

/** A build context for a repository and a cache below a folder. */
export function contextIn(folder: string, options: { force?: boolean; signal?: AbortSignal } = {}) {
  const { force = false, signal = new AbortController().signal } = options
  return createContext({
    root: join(folder, 'root'),
    env: { ACTOVISOR_BUILD_CACHE: join(folder, 'cache') },
    force,
    signal,
  })
}

/** What a step is given beside its context, where it does not matter. */
export const TASK: Task = { digest: '', digestNow: async () => '', log: () => {} }
