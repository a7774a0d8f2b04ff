import { join } from 'node:path'
import type { KernelFlavour } from '../../native/native.ts'
import type { ArtifactFacts, Problem } from './report.ts'
import { error } from './report.ts'
import type { System } from './system.ts'

/** The files that guests are made of, and those missing that this host needs. */
export const examineArtifacts = (
  system: System,
  root: string,
  flavour: KernelFlavour,
): { readonly facts: ArtifactFacts[]; readonly problems: Problem[] } => {
  const facts = [
    kernel(system, root, 'standard', flavour),
    kernel(system, root, 'pvm', flavour),
    file(system, 'agent', join(root, 'artifacts/agent/agent')),
    file(system, 'base image', join(root, 'artifacts/base/layout/index.json')),
  ]
  const missing = facts.filter(({ needed, present }) => needed && !present)
  return {
    facts,
    problems: missing.map(({ name, path }) =>
      error(name, `the ${name} is missing: ${path}`, `Build it: node build.mjs${step(name)}.`),
    ),
  }
}

const kernel = (
  system: System,
  root: string,
  flavour: KernelFlavour,
  needed: KernelFlavour,
): ArtifactFacts => {
  const path = join(root, 'artifacts/kernel', flavour, 'vmlinux')
  const banner = system.find(path, /Linux version [\x20-\x7e]+/)
  return {
    ...file(system, `${flavour} kernel`, path),
    needed: flavour === needed,
    version: banner?.split(' ')[2] ?? null,
  }
}

const file = (system: System, name: string, path: string): ArtifactFacts => {
  const bytes = system.size(path)
  return { name, path, needed: true, present: bytes !== null, bytes, version: null }
}

const step = (name: string): string => {
  if (name.endsWith(' kernel')) return ` kernel:${name.replace(' kernel', '')}`
  return name === 'agent' ? ' agent' : ' base'
}
