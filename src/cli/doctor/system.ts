import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
} from 'node:fs'
import { availableParallelism, cpus, machine, release, totalmem } from 'node:os'
import { availableMemory } from 'node:process'
import { loadBinding } from '../../native/load.ts'
import type { HostProbe } from '../../native/native.ts'

/** What `doctor` asks of the machine that it runs on. */
export interface System {
  readonly platform: string
  readonly architecture: string
  readonly kernel: string
  readonly cpuModel: string
  readonly cpus: number
  readonly memoryBytes: number
  readonly availableMemoryBytes: number
  readonly node: string
  exists(path: string): boolean
  /** Whether this process may read and write a device. */
  permitted(path: string): boolean
  /** Text of a small file, null where it cannot be read. */
  read(path: string): string | null
  /** Length of a file, null where there is none. */
  size(path: string): number | null
  /** The first match of a pattern in a large binary file. */
  find(path: string, pattern: RegExp): string | null
  /** Loads the addon and asks it; throws what that throws. */
  probe(): HostProbe
}

/** The machine that this process runs on. */
export const thisSystem = (): System => ({
  platform: process.platform,
  architecture: machine(),
  kernel: release(),
  cpuModel: cpus()[0]?.model ?? 'unknown',
  cpus: availableParallelism(),
  memoryBytes: totalmem(),
  availableMemoryBytes: availableMemory(),
  node: process.versions.node,
  exists: existsSync,
  permitted: (path) => attempt(() => accessSync(path, constants.R_OK | constants.W_OK)) !== null,
  read: (path) => attempt(() => readFileSync(path, 'utf8')),
  size: (path) => attempt(() => statSync(path).size),
  find: (path, pattern) => attempt(() => findInFile(path, pattern)),
  probe: () => loadBinding(null).probeHost(),
})

const attempt = <A>(read: () => A): A | null => {
  try {
    return read()
  } catch {
    return null
  }
}

const CHUNK_BYTES = 1 << 20
/** Longer than what is looked for, which may lie across the edge of two chunks. */
const OVERLAP_BYTES = 256

const findInFile = (path: string, pattern: RegExp): string | null => {
  const fd = openSync(path, 'r')
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES)
    for (let position = 0; ; position += CHUNK_BYTES - OVERLAP_BYTES) {
      const length = readSync(fd, chunk, 0, CHUNK_BYTES, position)
      const found = pattern.exec(chunk.toString('latin1', 0, length))
      if (found !== null) return found[0]
      if (length < CHUNK_BYTES) return null
    }
  } finally {
    closeSync(fd)
  }
}
