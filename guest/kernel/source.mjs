// Unpacks the part of the kernel's source that a small x86-64 guest is made of.

import { existsSync } from 'node:fs'

// Folders whose C files no configuration of ours compiles. Their Kconfig files
// and makefiles stay, since those of the kernel name them all.
const unusedCode = [
  'arch/[a-wyz]*',
  'arch/xtensa',
  'drivers/accel',
  'drivers/clk',
  'drivers/gpu',
  'drivers/hid',
  'drivers/hwmon',
  'drivers/iio',
  'drivers/infiniband',
  'drivers/media',
  'drivers/mtd',
  'drivers/net/*',
  'drivers/pinctrl',
  'drivers/platform',
  'drivers/scsi',
  'drivers/staging',
  'drivers/usb',
  'samples',
  'sound',
]

/**
 * Unpacks `tarball` into `directory`, without its top folder.
 * @param {{tarball: string, directory: string, run: Function}} options
 */
export async function extractSource({ tarball, directory, run }) {
  if (!existsSync(tarball)) {
    throw new Error(`The kernel source ${tarball} is missing: reinstall its Debian package.`)
  }
  const excluded = [
    '*/Documentation/*/*',
    'linux-source-*/tools/perf',
    'linux-source-*/tools/testing',
    ...unusedCode.map((folder) => `linux-source-*/${folder}/*.[chS]`),
    'linux-source-*/arch/*.dts*',
  ]
  await run(
    'tar',
    ['xf', tarball, '--strip-components=1', ...excluded.map((pattern) => `--exclude=${pattern}`)],
    {
      cwd: directory,
    },
  )
}
