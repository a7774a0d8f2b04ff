//! One virtual machine: made, run, ended.

mod board;
mod vcpus;

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use actovisor_quirks::{Assist, HostProfile, guest_profile};
use board::Board;
use kvm_ioctls::{Kvm, VmFd};
use vcpus::create_vcpus;

use crate::boot;
use crate::bus::Bus;
use crate::config::MachineConfig;
use crate::devices::console::Console;
use crate::devices::irq::IrqLine;
use crate::devices::reset::ResetController;
use crate::devices::virtio::mmio::Transport;
use crate::devices::virtio::pmem::Pmem;
use crate::devices::virtio::rng::Rng;
use crate::devices::virtio::vsock::{ConnectionId, Vsock};
use crate::error::{CreateError, MachineError};
use crate::events::{EventQueue, ExitKind, lock};
use crate::layout::SERIAL_GSI;
use crate::memory::{DiskMapping, map_ram, pmem_start, ram_ranges};
use crate::metrics::{Metrics, MetricsSnapshot};
use crate::vcpu::{Control, VcpuParts, spawn_vcpu};
use crate::vm::{create_vm, set_memslots};

/// Port of the host that the agent in the guest connects to.
const AGENT_PORT: u32 = 1024;
/// Words for every guest: the serial port for messages of weight, a panic that
/// resets at once, a reset by the keyboard controller, which ends the VM, and a
/// clock and a generator that need no trial.
const BASE_WORDS: &str =
    "console=ttyS0 quiet panic=-1 reboot=k tsc=reliable no_timer_check random.trust_cpu=1";
/// Words for a guest with a root disk.
const ROOT_WORDS: &str = "root=/dev/pmem0 rootfstype=erofs rootflags=dax ro init=/.actovisor/init";

/// A virtual machine. Dropping it ends it and waits for its threads.
pub struct Machine {
    // Fields drop in this order: the VM before the memory under its memslots.
    _vm: VmFd,
    control: Arc<Control>,
    events: Arc<EventQueue>,
    metrics: Arc<Metrics>,
    console: Arc<Mutex<Console>>,
    vsock: Arc<Transport<Vsock>>,
    threads: Vec<JoinHandle<()>>,
    _disk: Option<DiskMapping>,
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine")
            .field("control", &self.control)
            .finish_non_exhaustive()
    }
}

impl Machine {
    /// Makes a machine up to its first instruction, its vCPU threads parked.
    pub fn create(
        kvm: &Kvm,
        host: &HostProfile,
        config: &MachineConfig,
        events: Arc<EventQueue>,
    ) -> Result<Self, CreateError> {
        config.validate()?;
        let profile = guest_profile(host.class, config.flavour)?;
        let vcpus = u8::try_from(config.vcpus).unwrap_or(u8::MAX);
        let vm = create_vm(kvm)?;
        events.stage("vm");
        let memory = map_ram(config.memory_mib)?;
        let disk = config
            .root_disk_path
            .as_deref()
            .map(DiskMapping::open)
            .transpose()?;
        let disk_start = pmem_start(config.memory_mib);
        let entry = boot::load_kernel(&memory, &config.kernel_path)?;
        events.stage("kernel");
        set_memslots(&vm, &memory, disk.as_ref().map(|disk| (disk, disk_start)))?;
        events.stage("memory");

        let control = Arc::new(Control::new(vcpus));
        let metrics = Arc::new(Metrics::default());
        let mut board = Board {
            vm: &vm,
            memory: &memory,
            control: &control,
            events: &events,
            devices: Vec::new(),
            words: Vec::new(),
        };
        if let Some(disk) = &disk {
            board.add(Pmem::new(disk_start, disk.bytes()))?;
        }
        let vsock = board.add(Vsock::new(
            config.guest_cid,
            &[AGENT_PORT],
            Arc::clone(&events),
            Arc::clone(&metrics),
        ))?;
        board.add(Rng)?;
        let gsis = board.gsis();
        let Board { devices, words, .. } = board;
        let serial = IrqLine::new(&vm, SERIAL_GSI)?;
        let console = Arc::new(Mutex::new(Console::new(
            serial,
            config.console_bytes,
            Arc::clone(&metrics),
        )));
        let bus = Arc::new(Bus {
            console: Arc::clone(&console),
            reset: ResetController,
            mmio: devices,
        });

        refuse_override(profile.cmdline, &config.cmdline)?;
        let root = if disk.is_some() { ROOT_WORDS } else { "" };
        let cmdline = command_line(&[
            BASE_WORDS,
            &words.join(" "),
            root,
            profile.cmdline,
            &config.cmdline,
        ]);
        boot::write_boot_tables(&memory)?;
        boot::write_mp_table(&memory, vcpus, &gsis)?;
        let ram = ram_ranges(config.memory_mib);
        boot::write_boot_params(
            &memory,
            &boot::BootParams {
                ram: &ram,
                cmdline: &cmdline,
            },
        )?;
        let fds = create_vcpus(kvm, &vm, &profile, vcpus, entry)?;
        events.stage("vcpus");

        let mut machine = Self {
            _vm: vm,
            control,
            events,
            metrics,
            console,
            vsock,
            threads: Vec::new(),
            _disk: disk,
        };
        for (index, vcpu) in (0..vcpus).zip(fds) {
            let parts = VcpuParts {
                index,
                vcpu,
                memory: memory.clone(),
                bus: Arc::clone(&bus),
                control: Arc::clone(&machine.control),
                events: Arc::clone(&machine.events),
                metrics: Arc::clone(&machine.metrics),
                assist: profile.assist.then(|| Assist::new(&profile)),
            };
            match spawn_vcpu(&config.id, parts) {
                Ok(thread) => machine.threads.push(thread),
                Err(error) => {
                    machine.control.disown(u32::from(vcpus - index));
                    return Err(error);
                }
            }
        }
        Ok(machine)
    }

    /// Lets the vCPUs run. Once.
    pub fn start(&self) -> Result<(), MachineError> {
        self.control.start()
    }

    /// Parks the vCPUs; answers when all of them are out of the guest.
    pub fn pause(&self) -> Result<(), MachineError> {
        self.control.pause()
    }

    /// Lets parked vCPUs run again.
    pub fn resume(&self) -> Result<(), MachineError> {
        self.control.resume()
    }

    /// Makes the vCPUs stop; the exit event follows.
    pub fn kill(&self) {
        self.control.stop(ExitKind::Killed, "killed by its owner");
    }

    /// Takes what happened since the last call.
    pub fn take_events(&self) -> Vec<crate::events::Event> {
        self.events.take()
    }

    /// See [`crate::Event::VsockReadable`]. `None` is the end of the stream.
    pub fn vsock_read(
        &self,
        id: ConnectionId,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, MachineError> {
        self.vsock.with(|device, io| device.read(id, limit, io))
    }

    /// Takes a prefix of `bytes` for the guest and answers its length.
    pub fn vsock_write(&self, id: ConnectionId, bytes: &[u8]) -> Result<usize, MachineError> {
        self.vsock.with(|device, io| device.write(id, bytes, io))
    }

    /// Resets a connection.
    pub fn vsock_close(&self, id: ConnectionId) -> Result<(), MachineError> {
        self.vsock.with(|device, io| device.close(id, io))
    }

    /// The last bytes of the serial console.
    #[must_use]
    pub fn console_tail(&self, limit: usize) -> Vec<u8> {
        lock(&self.console).tail(limit)
    }

    /// The counters of the machine.
    #[must_use]
    pub fn metrics(&self) -> MetricsSnapshot {
        self.metrics.snapshot()
    }

    /// Ends the machine and waits until its threads have ended.
    pub fn close(&mut self) -> Result<(), MachineError> {
        self.kill();
        self.control.wait_ended()?;
        for thread in self.threads.drain(..) {
            // A panic in the thread has been reported as the cause already.
            let _ = thread.join();
        }
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            // A vCPU thread that does not come out of the kernel still uses the
            // memory: freeing it would be worse than stopping here.
            eprintln!("actovisor: {error}; giving up on the process");
            std::process::abort();
        }
    }
}

/// Linux takes the last `clearcpuid=` it is given: one of the owner's would undo
/// what the host's class needs.
fn refuse_override(needed: &str, given: &str) -> Result<(), CreateError> {
    const WORD: &str = "clearcpuid=";
    let has = |line: &str| line.split_whitespace().any(|word| word.starts_with(WORD));
    if has(needed) && has(given) {
        return Err(CreateError::InvalidConfig {
            field: "cmdline",
            value: given.to_owned(),
            expected: format!("no {WORD}, which this host needs for itself"),
        });
    }
    Ok(())
}

fn command_line(parts: &[&str]) -> String {
    parts
        .iter()
        .map(|part| part.trim())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
