import type { Call, CallHandlers, CallShape, Terminal } from './call.ts'
import type { AgentClient } from './client.ts'
import { Collector, Feeder } from './transfer.ts'
import type { Outcome } from './failure.ts'
import { fail, succeed } from './failure.ts'
import { Stream } from './generated/agent_pb.ts'
import type { ToAgentBody } from './outbox.ts'
import type { ExecReport, ExecRequest, ExitReport, SpawnRequest } from './requests.ts'

/** Runs a program, feeds it its input and collects its output; `done` is called once. */
export const exec = (
  client: AgentClient,
  request: ExecRequest,
  done: (outcome: Outcome<ExecReport>) => void,
): Call => {
  const collector = new Collector(request.maxOutputBytes)
  const input = request.input === null ? null : new Feeder(Stream.STDIN, request.input)
  const spawned = { ...request, tty: null, stdin: input !== null }
  const call = spawn(client, spawned, {
    onStarted: () => input?.feed(call),
    onCredit: () => input?.feed(call),
    onData: (stream, bytes) => collector.take(call, stream, bytes),
    onEnd: (outcome) => done(report(outcome, collector)),
  })
  return call
}

/** Runs a program whose streams the handlers and the call carry. */
export const spawn = (client: AgentClient, request: SpawnRequest, handlers: CallHandlers): Call =>
  client.call(execBody(request), execShape(request), handlers)

/** The last message of an exec as data of ours. */
export const exitReport = (terminal: Terminal): ExitReport =>
  terminal.case === 'exited'
    ? {
        code: terminal.value.code ?? null,
        signal: terminal.value.signal ?? null,
        timedOut: terminal.value.timedOut,
        wallNs: terminal.value.wallNs,
      }
    : { code: null, signal: null, timedOut: false, wallNs: 0n }

const report = (outcome: Outcome<Terminal>, collector: Collector): Outcome<ExecReport> => {
  if (collector.overflowed) return fail({ _tag: 'OutputLimit', limitBytes: collector.limitBytes })
  if (!outcome.ok) return outcome
  return succeed({
    ...exitReport(outcome.value),
    stdout: collector.bytes(Stream.STDOUT),
    stderr: collector.bytes(Stream.STDERR),
  })
}

const execBody = (request: SpawnRequest): ToAgentBody => ({
  case: 'exec',
  value: {
    argv: [...request.argv],
    env: [...request.env],
    cwd: request.cwd,
    user: request.user,
    stdin: request.stdin,
    timeoutMs: BigInt(request.timeoutMs),
    ...(request.tty === null ? {} : { tty: { ...request.tty } }),
  },
})

const execShape = (request: SpawnRequest): CallShape => ({
  terminal: 'exited',
  incoming: request.tty === null ? [Stream.STDOUT, Stream.STDERR] : [Stream.STDOUT],
  outgoing: request.stdin ? [Stream.STDIN] : [],
  started: true,
  entries: false,
})
