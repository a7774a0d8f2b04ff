import { connect, createServer, type Server } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** A lock among the processes of a host, which the kernel releases when its holder ends in whatever way. */
export interface ProcessLock {
  release(): Promise<void>
}

/**
 * Takes the lock of a name, or returns null when `signal` aborts first.
 *
 * The lock is a socket in the abstract namespace: only one can be bound to a
 * name, it leaves no file behind, and who waits learns of its end by the end
 * of a connection to it rather than by asking again and again.
 */
export async function lockProcess(name: string, signal: AbortSignal): Promise<ProcessLock | null> {
  while (!signal.aborted) {
    const server = await bind(name)
    if (server !== null) return { release: () => close(server) }
    await ended(name, signal)
  }
  return null
}

function bind(name: string): Promise<Server | null> {
  const { promise, resolve, reject } = Promise.withResolvers<Server | null>()
  const server = createServer((socket) => {
    sockets.get(server)?.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.get(server)?.delete(socket))
    socket.resume()
  })
  sockets.set(server, new Set())
  server.once('error', (error: NodeJS.ErrnoException) =>
    error.code === 'EADDRINUSE' ? resolve(null) : reject(error),
  )
  // Exclusive, so that workers of a cluster do not share it.
  server.listen({ path: `\0${name}`, exclusive: true }, () => resolve(server))
  server.unref()
  return promise
}

const sockets = new WeakMap<Server, Set<{ destroy(): void }>>()

function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  for (const socket of sockets.get(server) ?? []) socket.destroy()
  return promise
}

// A holder that refuses connections is just ending; this bounds how often it is tried.
const RETRY_MS = 10

async function ended(name: string, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const socket = connect({ path: `\0${name}` })
  const onAbort = (): void => {
    socket.destroy()
  }
  signal.addEventListener('abort', onAbort, { once: true })
  socket.on('error', () => {})
  socket.on('close', () => resolve())
  socket.resume()
  await promise
  signal.removeEventListener('abort', onAbort)
  await delay(RETRY_MS, undefined, { signal }).catch(() => {})
}
