/** How a scripted guest boots and stops. */
export interface BootScript {
  /** Code of the error that creating the VM throws. */
  readonly createFails: string | null
  readonly boot:
    'normal' | 'never-connects' | 'silent' | 'panics' | 'garbage' | 'wrong-version' | 'intruder-first'
  readonly ignoresPoweroff: boolean
  readonly ignoresKill: boolean
}

/** Reads the words `double.<name>=<value>` of a command line. */
export const bootScript = (cmdline: string): BootScript => {
  const words = new Map(
    cmdline
      .split(' ')
      .filter((word) => word.startsWith('double.'))
      .map((word): [string, string] => {
        const [name = '', value = ''] = word.slice('double.'.length).split('=')
        return [name, value]
      }),
  )
  return {
    createFails: words.get('create') ?? null,
    boot: boots.find((boot) => boot === words.get('boot')) ?? 'normal',
    ignoresPoweroff: words.get('poweroff') === 'ignored',
    ignoresKill: words.get('kill') === 'ignored',
  }
}

const boots: readonly BootScript['boot'][] = [
  'normal',
  'never-connects',
  'silent',
  'panics',
  'garbage',
  'wrong-version',
  'intruder-first',
]
