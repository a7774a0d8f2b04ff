/**
 * One entry of an archive. Only what the base image needs: short names, owners below 2^21.
 * @typedef {object} Entry
 * @property {string} path without a leading slash
 * @property {'file' | 'directory' | 'symlink' | 'hardlink'} type
 * @property {number} mode
 * @property {number} mtime seconds
 * @property {number} [owner] user and group; root without
 * @property {Buffer} [content]
 * @property {string} [target]
 */

const BLOCK = 512
const FLAGS = { file: '0', hardlink: '1', symlink: '2', directory: '5' }

/**
 * A POSIX (ustar) archive of the entries, in their order.
 * @param {readonly Entry[]} entries
 */
export function tar(entries) {
  const parts = entries.flatMap((entry) => {
    const content = entry.content ?? Buffer.alloc(0)
    return [header(entry, content.length), content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)]
  })
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)])
}

/**
 * @param {Entry} entry
 * @param {number} size
 */
function header({ path, type, mode, mtime, owner = 0, target = '' }, size) {
  const name = type === 'directory' ? `${path}/` : path
  if (Buffer.byteLength(name) > 100 || Buffer.byteLength(target) > 100)
    throw new Error(`too long a name: ${name}`)
  const block = Buffer.alloc(BLOCK)
  const octal = (/** @type {number} */ value, /** @type {number} */ at, /** @type {number} */ length) =>
    block.write(value.toString(8).padStart(length - 1, '0'), at)
  block.write(name, 0)
  octal(mode, 100, 8)
  octal(owner, 108, 8)
  octal(owner, 116, 8)
  octal(size, 124, 12)
  octal(mtime, 136, 12)
  block.write(FLAGS[type], 156)
  block.write(target, 157)
  block.write('ustar\u000000', 257)
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}
