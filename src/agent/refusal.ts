import type { AgentFailure, RefusalReason } from './failure.ts'
import type { Failed } from './generated/agent_pb.ts'
import { Failed_Code } from './generated/agent_pb.ts'

/** The agent's `Failed` as data of ours. */
export const refusal = (failed: Failed): AgentFailure => ({
  _tag: 'Refused',
  reason: reasons.get(failed.code) ?? 'unspecified',
  errno: failed.errno,
  step: failed.step,
  message: failed.message,
})

const reasons = new Map<Failed_Code, RefusalReason>([
  [Failed_Code.INVALID, 'invalid'],
  [Failed_Code.NOT_FOUND, 'not-found'],
  [Failed_Code.PERMISSION, 'permission'],
  [Failed_Code.BAD_FORMAT, 'bad-format'],
  [Failed_Code.LIMIT, 'limit'],
  [Failed_Code.CANCELLED, 'cancelled'],
  [Failed_Code.SYSTEM, 'system'],
])
