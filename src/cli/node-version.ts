/** The oldest Node that the runtime works on, as `engines` of package.json says. */
export const OLDEST_NODE = { major: 22, minor: 19 } as const

/** Whether the runtime works on a version of Node, such as "24.21.0". */
export const isSupportedNode = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > OLDEST_NODE.major || (major === OLDEST_NODE.major && minor >= OLDEST_NODE.minor)
}

/** What to do about a Node that is too old. */
export const nodeAdvice = `Use Node ${OLDEST_NODE.major}.${OLDEST_NODE.minor} or later.`
