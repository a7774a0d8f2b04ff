import type { ExitKind, NativeVm, VmEvent, VmMetrics } from '../../src/native/native.ts'
import { Pipe } from './pipe.ts'
import type { BootScript } from './script.ts'
import { ScriptedAgent } from './scripted-agent.ts'

const CONNECTION = 7
const INTRUDER = 6
const PIPE_BYTES = 128 * 1024

/** A machine of the double: the native contract on one side, a scripted agent on the other. */
export class ScriptedVm implements NativeVm {
  readonly #script: BootScript
  readonly #onWake: () => void
  readonly #toHost = new Pipe(PIPE_BYTES)
  readonly #toGuest = new Pipe(PIPE_BYTES)
  #events: VmEvent[] = []
  #agent: ScriptedAgent | null = null
  #state: 'created' | 'running' | 'exited' | 'closed' = 'created'
  #wakes = false
  #readableTold = false
  #writeBlocked = false
  #console = ''
  #broken = false

  constructor(script: BootScript, onWake: () => void) {
    this.#script = script
    this.#onWake = onWake
  }

  start(): void {
    this.#state = 'running'
    this.#stage('vcpu-run')
    setImmediate(() => this.#boot())
  }

  takeEvents(): VmEvent[] {
    this.#alive()
    if (this.#broken) throw new Error('scripted: not an error of the contract')
    return this.#events.splice(0)
  }

  vsockRead(connection: number, maxBytes: number): Buffer | null {
    this.#alive()
    this.#connected(connection)
    const bytes = this.#toHost.read(maxBytes)
    if (bytes.length === 0) {
      this.#readableTold = false
      if (this.#toHost.ended) return null
    }
    this.#agent?.writable()
    return bytes
  }

  vsockWrite(connection: number, bytes: Uint8Array): number {
    this.#alive()
    this.#connected(connection)
    const taken = this.#toGuest.write(bytes)
    if (taken < bytes.length) this.#writeBlocked = true
    if (taken > 0) setImmediate(() => this.#agent?.readable())
    return taken
  }

  vsockClose(connection: number): void {
    this.#alive()
    if (connection === INTRUDER) return
    this.#connected(connection)
    this.#agent?.stop()
    this.#agent = null
  }

  consoleTail(maxBytes: number): Buffer {
    this.#alive()
    return Buffer.from(this.#console).subarray(-maxBytes)
  }

  pause(): void {
    this.#alive()
  }

  resume(): void {
    this.#alive()
  }

  metrics(): VmMetrics {
    this.#alive()
    return {
      exitsIo: 1n,
      exitsMmio: 2n,
      exitsOther: 3n,
      assisted: 0n,
      vsockRxBytes: this.#toGuest.total,
      vsockTxBytes: this.#toHost.total,
      consoleBytes: BigInt(this.#console.length),
      consoleDroppedBytes: 0n,
    }
  }

  kill(): void {
    this.#alive()
    if (!this.#script.ignoresKill) this.exit('killed', 'by the host')
  }

  close(): void {
    this.#state = 'closed'
    this.#agent?.stop()
    this.#agent = null
  }

  /** The vCPUs stop. */
  exit(kind: ExitKind, detail: string): void {
    if (this.#state !== 'running') return
    this.#state = 'exited'
    this.#agent?.stop()
    this.#event({ type: 'exit', kind, detail, atNs: process.hrtime.bigint() })
  }

  /** The agent's process is gone, and its connection with it. */
  disconnect(reason: string): void {
    this.#agent?.stop()
    this.#agent = null
    this.#event({ type: 'vsock-closed', connection: CONNECTION, reason })
  }

  /** From now on the binding throws what it never should. */
  breakDown(): void {
    this.#broken = true
    this.#stage('broken')
  }

  #boot(): void {
    if (this.#state !== 'running') return
    this.#console += 'Linux version 6.12.0 (scripted)\n'
    this.#stage('kernel-entry')
    const { boot } = this.#script
    if (boot === 'never-connects') return
    if (boot === 'panics') {
      this.#console += 'Kernel panic - not syncing: scripted\n'
      return this.exit('guest-panic', 'Kernel panic - not syncing: scripted')
    }
    if (boot === 'intruder-first') this.#event({ type: 'vsock-open', connection: INTRUDER, port: 2000 })
    this.#event({ type: 'vsock-open', connection: CONNECTION, port: 1024 })
    this.#agent = new ScriptedAgent(this, this.#script, {
      read: () => this.#guestRead(),
      write: (bytes) => this.#guestWrite(bytes),
    })
    this.#agent.start()
  }

  #guestRead(): Uint8Array {
    const bytes = this.#toGuest.read(64 * 1024)
    if (bytes.length > 0 && this.#writeBlocked) {
      this.#writeBlocked = false
      this.#event({ type: 'vsock-writable', connection: CONNECTION })
    }
    return bytes
  }

  #guestWrite(bytes: Uint8Array): number {
    const taken = this.#toHost.write(bytes)
    if (taken > 0 && !this.#readableTold) {
      this.#readableTold = true
      this.#event({ type: 'vsock-readable', connection: CONNECTION })
    }
    return taken
  }

  #stage(name: string): void {
    this.#event({ type: 'stage', name, atNs: process.hrtime.bigint() })
  }

  #event(event: VmEvent): void {
    this.#events.push(event)
    if (this.#wakes) return
    this.#wakes = true
    setImmediate(() => {
      this.#wakes = false
      if (this.#state !== 'closed') this.#onWake()
    })
  }

  #alive(): void {
    if (this.#state === 'closed') throw Object.assign(new Error('the VM is closed'), { code: 'CLOSED' })
  }

  #connected(connection: number): void {
    if (connection !== CONNECTION || this.#agent === null)
      throw Object.assign(new Error(`no connection ${connection}`), { code: 'NO_CONNECTION' })
  }
}
