//! Guests of a few instructions, and what a process holds of them.

use std::fs::read_dir;
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use actovisor_vmm::{
    CreateError, Event, EventQueue, ExitCause, KernelFlavour, Machine, MachineConfig, open_kvm,
    probe_host,
};
use libtest_mimic::Failed;
use vmm_sys_util::tempfile::TempFile;

/// Far more than the few milliseconds that these guests take, also on a host
/// that is busy with other things.
pub const DEADLINE: Duration = Duration::from_secs(60);
const ENTRY: u64 = 0x100_0000;
pub const CONSOLE_BYTES: usize = 4096;

pub struct Guest {
    pub machine: Machine,
    wakes: Receiver<()>,
    seen: Vec<Event>,
    _kernel: TempFile,
}

impl Guest {
    pub fn create(code: &[u8], vcpus: u32) -> Result<Self, Failed> {
        let kernel = elf(code)?;
        let (sender, wakes) = channel();
        let events = Arc::new(EventQueue::new(Box::new(move || {
            let _ = sender.send(());
        })));
        let facts = probe_host()?;
        let machine = Machine::create(
            &open_kvm()?,
            &facts.profile,
            &config(&kernel, vcpus),
            events,
        )?;
        Ok(Self {
            machine,
            wakes,
            seen: Vec::new(),
            _kernel: kernel,
        })
    }

    pub fn boot(code: &[u8], vcpus: u32) -> Result<Self, Failed> {
        let guest = Self::create(code, vcpus)?;
        guest.machine.start()?;
        Ok(guest)
    }

    fn wait_for<R>(&mut self, find: impl Fn(&Event) -> Option<R>) -> Result<R, Failed> {
        loop {
            self.seen.extend(self.machine.take_events());
            if let Some(found) = self.seen.iter().find_map(&find) {
                return Ok(found);
            }
            self.wakes
                .recv_timeout(DEADLINE)
                .map_err(|_| format!("no such event; seen {:?}", self.seen))?;
        }
    }

    pub fn exit(&mut self) -> Result<ExitCause, Failed> {
        self.wait_for(|event| match event {
            Event::Exit { cause, .. } => Some(cause.clone()),
            _ => None,
        })
    }

    pub fn stage(&mut self, wanted: &str) -> Result<(), Failed> {
        self.wait_for(|event| {
            matches!(event, Event::Stage { name, .. } if *name == wanted).then_some(())
        })
    }
}

pub fn create(config: &MachineConfig) -> Result<Machine, CreateError> {
    let events = Arc::new(EventQueue::new(Box::new(|| ())));
    Machine::create(&open_kvm()?, &probe_host()?.profile, config, events)
}

pub fn config(kernel: &TempFile, vcpus: u32) -> MachineConfig {
    MachineConfig {
        id: "test".into(),
        kernel_path: kernel.as_path().into(),
        flavour: KernelFlavour::Standard,
        cmdline: String::new(),
        memory_mib: 64,
        vcpus,
        root_disk_path: None,
        guest_cid: 3,
        console_bytes: CONSOLE_BYTES,
    }
}

/// An ELF executable with `code` at its entry.
pub fn elf(code: &[u8]) -> Result<TempFile, Failed> {
    let size = u64::try_from(code.len())?;
    let mut image = b"\x7fELF\x02\x01\x01".to_vec();
    image.resize(16, 0);
    let halves = |values: &[u16]| {
        values
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let words = |values: &[u64]| {
        values
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    // Type EXEC, machine x86-64, version; entry, program headers at 64, none of sections.
    image.extend([halves(&[2, 62, 1, 0]), words(&[ENTRY, 64, 0])].concat());
    image.extend(halves(&[0, 0, 64, 56, 1, 0, 0, 0]));
    // One loadable segment, readable and executable.
    image.extend(
        [
            halves(&[1, 0, 5, 0]),
            words(&[4096, ENTRY, ENTRY, size, size, 4096]),
        ]
        .concat(),
    );
    image.resize(4096, 0);
    image.extend(code);
    let file = TempFile::new()?;
    file.as_file().write_all(&image)?;
    Ok(file)
}

/// Threads, descriptors and KVM mappings of this process.
pub fn resources() -> Result<[usize; 3], Failed> {
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let kvm = maps.lines().filter(|line| line.contains("kvm")).count();
    Ok([
        read_dir("/proc/self/task")?.count(),
        read_dir("/proc/self/fd")?.count(),
        kvm,
    ])
}

#[allow(clippy::needless_pass_by_value)]
pub fn check<T: PartialEq + std::fmt::Debug>(found: T, expected: T) -> Result<(), Failed> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("found {found:?}, expected {expected:?}").into())
    }
}
