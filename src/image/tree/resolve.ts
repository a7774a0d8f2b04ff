import { LimitExceeded } from '../errors.ts'
import type { ImageLimits } from '../limits.ts'
import { printable } from '../tar/invalid.ts'
import { type Directory, emptyDirectory, type Node } from './node.ts'
import { EntryInvalid } from './entry-invalid.ts'

// As many as Linux follows in one path.
const MAX_LINKS = 40

/** A path in the tree, taken apart; nothing in it leads above the root. */
export interface TreePath {
  readonly directories: readonly string[]
  /** The last component; null for the root itself. */
  readonly base: string | null
}

/** Takes a name of an archive apart, resolving "." and ".." in the text, as a path below the root. */
export function treePath(name: string, limits: ImageLimits): TreePath {
  const components: string[] = []
  for (const component of name.split('/')) {
    if (component === '' || component === '.') continue
    if (component === '..') components.pop()
    else components.push(component)
    if (component.length > limits.nameBytes) {
      throw new LimitExceeded('nameBytes', limits.nameBytes, `the name ${printable(component)}`)
    }
    if (components.length > limits.pathDepth) {
      throw new LimitExceeded('pathDepth', limits.pathDepth, `the path ${printable(name)}`)
    }
  }
  const base = components.pop() ?? null
  return { directories: components, base }
}

/** The directory at a path, made where missing by `layer`; symbolic links are followed inside the tree. */
export function makeDirectories(
  root: Directory,
  directories: readonly string[],
  layer: number,
  limits: ImageLimits,
): Directory {
  return walk(root, directories, limits, (parent, name) => {
    const entry = parent.children.get(name)
    // A file of this very layer cannot be a directory as well; one of a lower layer gives way.
    if (entry !== undefined && entry.layer === layer) return null
    const made = emptyDirectory()
    parent.children.set(name, { node: made, layer })
    return made
  })
}

/** The directory at a path, or null when there is none; symbolic links are followed inside the tree. */
export function findDirectory(
  root: Directory,
  directories: readonly string[],
  limits: ImageLimits,
): Directory | null {
  try {
    return walk(root, directories, limits, () => null)
  } catch (error) {
    if (error instanceof EntryInvalid) return null
    throw error
  }
}

/** The inode at a path, without following a symbolic link in its last component. */
export function findNode(root: Directory, path: TreePath, limits: ImageLimits): Node | null {
  const parent = findDirectory(root, path.directories, limits)
  if (parent === null || path.base === null) return parent
  return parent.children.get(path.base)?.node ?? null
}

function walk(
  root: Directory,
  directories: readonly string[],
  limits: ImageLimits,
  missing: (parent: Directory, name: string) => Directory | null,
): Directory {
  let stack: Directory[] = [root]
  const todo = directories.toReversed()
  let links = 0
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    const here = stack.at(-1) ?? root
    if (name === '' || name === '.') continue
    if (name === '..') {
      if (stack.length > 1) stack.pop()
      continue
    }
    const node = here.children.get(name)?.node
    if (node?.kind === 'symlink') {
      if (++links > MAX_LINKS) throw new EntryInvalid('too many levels of symbolic links')
      if (node.target.startsWith('/')) stack = [root]
      todo.push(...node.target.split('/').toReversed())
      continue
    }
    if (name.length > limits.nameBytes) {
      throw new LimitExceeded('nameBytes', limits.nameBytes, `the name ${printable(name)}`)
    }
    const next = node?.kind === 'directory' ? node : missing(here, name)
    if (next === null) throw new EntryInvalid(`${printable(name)} on the way to it is not a directory`)
    stack.push(next)
    if (stack.length > limits.pathDepth + 1) {
      throw new LimitExceeded(
        'pathDepth',
        limits.pathDepth,
        `the directory ${printable(directories.join('/'))}`,
      )
    }
  }
  return stack.at(-1) ?? root
}
