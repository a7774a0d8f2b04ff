import type { MessagePort } from 'node:worker_threads'
import type { Endpoint } from 'comlink'
import { expose, transfer } from 'comlink'
import type { Call } from '../../agent/call.ts'
import type { AgentClient } from '../../agent/client.ts'
import { exec } from '../../agent/exec.ts'
import type { Outcome } from '../../agent/failure.ts'
import { fail, succeed } from '../../agent/failure.ts'
import { fetchFile, list, remove, stat } from '../../agent/files.ts'
import { ping, poweroff } from '../../agent/machine.ts'
import type { ExecReport } from '../../agent/requests.ts'
import type { HostOutcome } from '../failure.ts'
import type { ControlApi } from '../protocol/control.ts'
import type { HostedVm } from './hosted-vm.ts'

/** Answers the control calls about `hosted` that come over `port`. */
export const serveControl = (port: MessagePort, hosted: HostedVm): void => {
  // comlink types its endpoint after the DOM; a MessagePort of Node has the same three methods.
  expose(controlApi(hosted), port as unknown as Endpoint)
}

const controlApi = (hosted: HostedVm): ControlApi => {
  const open = new Map<number, Call>()
  const ask = <A>(op: number, begin: Begin<A>): Promise<HostOutcome<A>> => answer(hosted, open, op, begin)
  const api: ControlApi = {
    exec: async (op, request) => {
      const outcome = await ask<ExecReport>(op, (client, done) => exec(client, request, done))
      return outcome.ok ? transfer(outcome, buffers(outcome.value.stdout, outcome.value.stderr)) : outcome
    },
    fetchFile: async (op, request) => {
      const outcome = await ask<Uint8Array>(op, (client, done) => fetchFile(client, request, done))
      return outcome.ok ? transfer(outcome, buffers(outcome.value)) : outcome
    },
    stat: (op, request) => ask(op, (client, done) => stat(client, request, done)),
    list: (op, request) => ask(op, (client, done) => list(client, request, done)),
    remove: (op, request) => ask(op, (client, done) => remove(client, request, done)),
    ping: (op) => ask(op, ping),
    poweroff: (op) => ask(op, poweroff),
    console: async (_op, { maxBytes }) => succeed(Uint8Array.from(hosted.vm?.consoleTail(maxBytes) ?? [])),
    metrics: async () => metrics(hosted),
    cancel: (op) => open.get(op)?.cancel(),
    signal: (op, number) => hosted.flow.control(op, (call) => call.signal(number)),
    resize: (op, rows, columns) => hosted.flow.control(op, (call) => call.resize(rows, columns)),
    kill: () => hosted.kill(),
  }
  // Without a prototype a caller cannot reach Object's, and through it Function.
  return Object.assign(Object.create(null), api)
}

type Begin<A> = (client: AgentClient, done: (outcome: Outcome<A>) => void) => Call

const answer = <A>(
  hosted: HostedVm,
  open: Map<number, Call>,
  op: number,
  begin: Begin<A>,
): Promise<HostOutcome<A>> =>
  new Promise((resolve) => {
    const { client } = hosted
    if (client === null)
      return resolve(fail({ _tag: 'LinkEnded', reason: 'the agent has not connected yet' }))
    const call = begin(client, (outcome) => {
      open.delete(op)
      resolve(outcome)
    })
    if (!call.ended) open.set(op, call)
  })

const buffers = (...views: readonly Uint8Array[]): ArrayBuffer[] =>
  views.flatMap(({ buffer }) => (buffer instanceof ArrayBuffer ? [buffer] : []))

const metrics = ({ vm, client, refusedConnections }: HostedVm) =>
  vm === null
    ? fail({ _tag: 'LinkEnded' as const, reason: 'there is no machine' })
    : succeed({
        ...vm.metrics(),
        lateMessages: client?.lateMessages ?? 0,
        refusedConnections,
        openRequests: client?.openRequests ?? 0,
      })
