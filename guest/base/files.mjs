/** Directories that no file brings, with their modes; the rest are 0755. */
export const directories = {
  dev: 0o755,
  home: 0o755,
  mnt: 0o755,
  opt: 0o755,
  proc: 0o555,
  root: 0o700,
  run: 0o755,
  srv: 0o755,
  sys: 0o555,
  tmp: 0o1777,
  'usr/lib': 0o755,
  'usr/local/bin': 0o755,
  'usr/local/sbin': 0o755,
  'var/cache': 0o755,
  'var/lib': 0o755,
  'var/log': 0o755,
  'var/tmp': 0o1777,
}

/** Symbolic links. */
export const links = {
  'etc/localtime': '/usr/share/zoneinfo/UTC',
  'etc/mtab': '/proc/self/mounts',
  'usr/share/zoneinfo/UTC': 'Etc/UTC',
  'var/run': '/run',
}

/** The user beside root, with its own group and home. */
export const user = { name: 'user', id: 1000, home: 'home/user' }

/** Files of packages: where they go, and what they are called in the package. */
export const fromPackages = {
  'bin/bash': 'bin/bash-static',
  'bin/busybox': 'bin/busybox',
  'etc/ethertypes': 'etc/ethertypes',
  'etc/protocols': 'etc/protocols',
  'etc/rpc': 'etc/rpc',
  'etc/services': 'etc/services',
  'usr/share/zoneinfo/Etc/UTC': 'usr/share/zoneinfo/Etc/UTC',
}

/** Files of our own. */
export const texts = {
  'etc/hosts': `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
`,
  'etc/nsswitch.conf': `passwd: files
group: files
shadow: files
hosts: files dns
networks: files
protocols: files
services: files
`,
  'etc/os-release': `NAME="Actovisor base image"
PRETTY_NAME="Actovisor base image"
ID=actovisor
ID_LIKE=debian
`,
  'etc/profile': `if [ "$(id -u)" -eq 0 ]; then PS1='# '; else PS1='$ '; fi
export PS1
umask 022
`,
  'etc/shells': `/bin/sh
/bin/ash
/bin/bash
`,
}
