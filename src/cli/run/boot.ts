import type { Result } from 'neverthrow'
import { err, ok } from 'neverthrow'
import { Actovisor } from '../../index.ts'
import type { Process, StartOptions, Vm } from '../../index.ts'
import { explain } from './explain.ts'
import type { RunFailure } from './failure.ts'
import type { BootGuest, Guest, GuestProcess, GuestProgram, Stage } from './guest.ts'
import type { RunOptions } from './options.ts'

/** Boots a guest with the public interface: a runtime with one thread and one VM. */
export const bootGuest: BootGuest = async (options, signal, onStage) => {
  const opened = await Actovisor.open({ hostThreads: 1, signal })
  if (opened.isErr()) return err(explain(opened.error))
  const actovisor = opened.value
  const stages = watchStages(actovisor, onStage)
  const started = await actovisor.start({ ...startOptions(options), signal })
  await stages.stop()
  if (started.isOk()) return ok(guestOf(actovisor, started.value))
  await actovisor.close({ graceMs: 0 })
  return err(explain(started.error))
}

const startOptions = ({ image, memoryMib, vcpus, env, workdir, user }: RunOptions): StartOptions => ({
  ...(image === null ? {} : { image }),
  ...(memoryMib === null ? {} : { memoryMib }),
  ...(vcpus === null ? {} : { vcpus }),
  ...(workdir === null ? {} : { workdir }),
  ...(user === null ? {} : { user }),
  env: Object.fromEntries(
    env.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  ),
})

/** Tells the stages of the boot as they pass. */
const watchStages = (actovisor: Actovisor, onStage: (stage: Stage) => void) => {
  const events = actovisor.events()
  const watching = (async () => {
    for await (const event of events) {
      if (event.type === 'vm-stage') onStage({ name: event.stage, atMs: event.atMs })
    }
  })()
  return {
    /** Settles when all that has happened is told. */
    stop: async () => {
      await events.return?.()
      await watching
    },
  }
}

const guestOf = (actovisor: Actovisor, vm: Vm): Guest => ({
  spawn: (program, signal) => spawn(vm, program, signal),
  // Nothing in the guest outlives the run, so it need not write anything back.
  close: async () => {
    await vm.kill()
    await actovisor.close({ graceMs: 0 })
  },
})

const spawn = async (
  vm: Vm,
  { options, size, timeoutMs }: GuestProgram,
  signal: AbortSignal,
): Promise<Result<GuestProcess, RunFailure>> => {
  // The signal is for the start alone: what it means afterwards is not to drop the command's end.
  const starting = new AbortController()
  const abort = () => starting.abort(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  try {
    const spawned = await vm.spawn(options.argv, {
      stdin: options.interactive ? 'pipe' : 'none',
      signal: starting.signal,
      ...(size === null ? {} : { tty: size }),
      ...(timeoutMs === null ? {} : { timeoutMs }),
    })
    return spawned.map(processOf).mapErr(explain)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

const processOf = (process: Process): GuestProcess => {
  const { stdin } = process
  // A signal that comes when the command has just ended has no effect, as anywhere.
  const send = (signal: number) => void process.kill(signal)
  return {
    stdout: untilBroken(process.stdout),
    stderr: untilBroken(process.stderr),
    stdin:
      stdin === null
        ? null
        : {
            write: async (bytes) => (await stdin.write(bytes)).isOk(),
            end: async () => void (await stdin.end()),
          },
    ended: endOf(process),
    signal: send,
    kill: () => send(9),
    resize: (size) => void process.resize(size),
  }
}

const endOf = async (process: Process): Promise<Awaited<GuestProcess['ended']>> =>
  (await process.exit)
    .map(({ exitCode, signal, timedOut, wallNs }) => ({
      code: exitCode,
      signal,
      timedOut,
      durationMs: Number(wallNs) / 1e6,
    }))
    .mapErr(explain)

/** A stream that breaks off does so because of what the end of the command also tells. */
async function* untilBroken(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* stream
  } catch {
    return
  }
}
