/** Why the agent refused a request; the names of `Failed.Code` in the wire format. */
export type RefusalReason =
  'invalid' | 'not-found' | 'permission' | 'bad-format' | 'limit' | 'cancelled' | 'system' | 'unspecified'

/** What a request to an agent can come to instead of its answer. Plain data: it crosses threads. */
export type AgentFailure =
  | {
      readonly _tag: 'Refused'
      readonly reason: RefusalReason
      readonly errno: number
      readonly step: string
      readonly message: string
    }
  /** The connection is gone; nothing sent on it will be answered. */
  | { readonly _tag: 'LinkEnded'; readonly reason: string }
  /** The agent broke the wire format; the connection was ended for it. */
  | { readonly _tag: 'ProtocolViolation'; readonly detail: string }
  | { readonly _tag: 'TooManyRequests'; readonly limit: number }
  /** A request, with its arguments, is longer than a message may be. */
  | { readonly _tag: 'RequestTooLarge'; readonly bytes: number; readonly limitBytes: number }
  /** The guest does not read what it was sent; no more is queued for it. */
  | { readonly _tag: 'Congested'; readonly pendingBytes: number }
  /** The answer is larger than its requester allows; the request was given up. */
  | { readonly _tag: 'OutputLimit'; readonly limitBytes: number }
  | { readonly _tag: 'TooManyEntries'; readonly limit: number }

/** A value or the reason why there is none, as plain data that survives structured clone. */
export type Outcome<A, E = AgentFailure> =
  { readonly ok: true; readonly value: A } | { readonly ok: false; readonly error: E }

/** Wraps a value. */
export const succeed = <A>(value: A): { readonly ok: true; readonly value: A } => ({ ok: true, value })

/** Wraps a reason. */
export const fail = <E>(error: E): { readonly ok: false; readonly error: E } => ({ ok: false, error })
