import type { Pace } from '../pace.ts'
import type { Directory, Node } from '../tree/node.ts'
import { BLOCK, type BlockWriter } from './block-writer.ts'
import type { ContentStore, Extent } from './content-store.ts'

const COPIED = 1 << 20

/** The extents that files of the finished tree use, in the order of the disk. */
export async function liveExtents(root: Directory, pace: Pace): Promise<Extent[]> {
  const live = new Set<Extent>()
  const todo: Node[] = [root]
  for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
    if (pace.due) await pace.pause()
    if (node.kind === 'directory') for (const { node: child } of node.children.values()) todo.push(child)
    else if (node.kind === 'file' && node.extent !== null) live.add(node.extent)
  }
  return [...live].sort((a, b) => a.offset - b.offset)
}

/** Whether the store holds contents that no file uses any more. */
export function hasGarbage(contents: ContentStore, live: readonly Extent[]): boolean {
  return live.reduce((blocks, extent) => blocks + extent.blocks, 0) < contents.blocks
}

/** Copies live extents to another file, one after the other, and moves them there. */
export async function copyExtents(
  from: BlockWriter,
  to: BlockWriter,
  live: readonly Extent[],
  pace: Pace,
): Promise<void> {
  const buffer = Buffer.allocUnsafe(COPIED)
  await from.flush()
  for (const extent of live) {
    const offset = to.position
    const bytes = extent.blocks * BLOCK
    for (let done = 0; done < bytes;) {
      if (pace.due) await pace.pause()
      const part = buffer.subarray(0, Math.min(COPIED, bytes - done))
      await from.read(extent.offset + done, part)
      await to.write(part)
      done += part.length
    }
    extent.offset = offset
  }
}
