/** A `Data` carries at most this much. */
export const MAX_DATA_BYTES = 64 * 1024

/** A message of either direction is at most this long. */
export const MAX_FRAME_BYTES = 128 * 1024

/** What a sender may have outstanding on a stream before the first `Credit`. */
export const INITIAL_WINDOW_BYTES = 256 * 1024

/**
 * The most that an agent may let us have outstanding on a stream. A window is
 * memory of ours while the guest does not read, so the guest may not choose it.
 */
export const MAX_WINDOW_BYTES = 1024 * 1024

/** Consumed bytes are granted again in portions of this size: a quarter of the window keeps it open. */
export const CREDIT_QUANTUM_BYTES = INITIAL_WINDOW_BYTES / 4

/** Requests open at once on a connection; the bound of the request table. */
export const MAX_REQUESTS = 256

/** Signals and resizes are refused while more than this waits for the guest to read. */
export const CONGESTION_BYTES = 1024 * 1024

/** A guest that leaves this much unread is given up: no client of ours that keeps the rules comes near. */
export const MAX_OUTBOX_BYTES = 320 * 1024 * 1024

/** Entries of one answer to List; more is refused rather than collected. */
export const MAX_LIST_ENTRIES = 100_000

/** Bytes read from the link before other work of the thread gets its turn. */
export const READ_BUDGET_BYTES = 1024 * 1024

/** The version of the wire format that this client speaks. */
export const PROTOCOL_VERSION = 1
