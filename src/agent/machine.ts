import type { Call, CallShape } from './call.ts'
import type { AgentClient } from './client.ts'
import type { Outcome } from './failure.ts'
import { succeed } from './failure.ts'

/** Asks whether the agent answers. */
export const ping = (client: AgentClient, done: (outcome: Outcome<null>) => void): Call =>
  client.call({ case: 'ping', value: {} }, shape, {
    onEnd: (outcome) => done(outcome.ok ? succeed(null) : outcome),
  })

/** Asks the guest to sync, unmount and stop; answered before it stops. */
export const poweroff = (client: AgentClient, done: (outcome: Outcome<null>) => void): Call =>
  client.call({ case: 'poweroff', value: {} }, shape, {
    onEnd: (outcome) => done(outcome.ok ? succeed(null) : outcome),
  })

const shape: CallShape = { terminal: 'done', incoming: [], outgoing: [], started: false, entries: false }
