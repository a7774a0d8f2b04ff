//! The loop of a vCPU thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use actovisor_quirks::Assist;
use kvm_bindings::KVM_INTERNAL_ERROR_EMULATION;
use kvm_ioctls::{VcpuExit, VcpuFd};
use vm_memory::GuestMemoryMmap;

use super::control::{Control, Turn};
use super::kick::{Kick, clear_kick};
use crate::bus::Bus;
use crate::error::CreateError;
use crate::events::{EventQueue, ExitKind};
use crate::metrics::{Metrics, add};

/// What a vCPU thread works on. The bus, with the devices' interrupts, and the
/// memory outlive the vCPU.
pub(crate) struct VcpuParts {
    pub index: u8,
    pub vcpu: VcpuFd,
    pub memory: GuestMemoryMmap,
    pub bus: Arc<Bus>,
    pub control: Arc<Control>,
    pub events: Arc<EventQueue>,
    pub metrics: Arc<Metrics>,
    /// On hosts that need it.
    pub assist: Option<Assist>,
}

/// Starts the thread `vcpu-<id>-<index>`, parked.
pub(crate) fn spawn_vcpu(id: &str, parts: VcpuParts) -> Result<JoinHandle<()>, CreateError> {
    let name = format!("vcpu-{id}-{}", parts.index);
    std::thread::Builder::new()
        .name(name.clone())
        .stack_size(256 << 10)
        .spawn(move || thread_main(parts))
        .map_err(|source| CreateError::Thread { name, source })
}

fn thread_main(mut parts: VcpuParts) {
    let (control, events, index) = (
        Arc::clone(&parts.control),
        Arc::clone(&parts.events),
        parts.index,
    );
    control.enlist(index, Kick::of_this_thread(&mut parts.vcpu));
    let run = catch_unwind(AssertUnwindSafe(|| run_until_stopped(&mut parts)));
    if let Err(panic) = run {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        control.stop(
            ExitKind::InternalError,
            format!("the thread of vCPU {index} panicked: {text}"),
        );
    }
    if let Some(cause) = control.leave(index) {
        events.exit(cause);
    }
    // The vCPU is dropped here, after `leave` has voided its kick.
    drop(parts);
}

fn run_until_stopped(parts: &mut VcpuParts) {
    let mut running = false;
    loop {
        if running && parts.control.interrupted() {
            settle(parts);
        }
        if parts.control.next_turn(running) == Turn::Stop {
            return;
        }
        running = true;
        if let Err((kind, detail)) = step(parts) {
            parts.control.stop(kind, detail);
        }
    }
}

/// Before the vCPU parks: what the assist has left for the next entry is put in
/// its place, so that its state can be read.
fn settle(parts: &mut VcpuParts) {
    if let Some(assist) = parts.assist.as_mut()
        && let Err(error) = assist.settle(&mut parts.vcpu)
    {
        parts.control.stop(ExitKind::KvmError, error.to_string());
    }
}

/// Enters the guest once and serves the exit.
fn step(parts: &mut VcpuParts) -> Result<(), (ExitKind, String)> {
    parts.events.stage("started");
    match parts.vcpu.run() {
        Ok(VcpuExit::IoOut(port, data)) => {
            add(&parts.metrics.exits_io, 1);
            parts.bus.write_port(port, data)
        }
        Ok(VcpuExit::IoIn(port, data)) => {
            add(&parts.metrics.exits_io, 1);
            parts.bus.read_port(port, data);
            Ok(())
        }
        Ok(VcpuExit::MmioWrite(address, data)) => {
            add(&parts.metrics.exits_mmio, 1);
            parts.bus.write_mmio(address, data);
            Ok(())
        }
        Ok(VcpuExit::MmioRead(address, data)) => {
            add(&parts.metrics.exits_mmio, 1);
            parts.bus.read_mmio(address, data);
            Ok(())
        }
        Ok(exit) => {
            add(&parts.metrics.exits_other, 1);
            match exit {
                VcpuExit::Shutdown => Err((
                    ExitKind::TripleFault,
                    format!("vCPU {} shut down", parts.index),
                )),
                VcpuExit::InternalError => internal_error(parts),
                VcpuExit::Intr | VcpuExit::IrqWindowOpen => Ok(()),
                VcpuExit::FailEntry(reason, cpu) => Err((
                    ExitKind::KvmError,
                    format!("KVM_EXIT_FAIL_ENTRY, reason {reason:#x} on CPU {cpu}"),
                )),
                other => Err((ExitKind::KvmError, format!("unexpected exit {other:?}"))),
            }
        }
        Err(error) if matches!(error.errno(), libc::EINTR | libc::EAGAIN) => {
            add(&parts.metrics.exits_other, 1);
            clear_kick(&mut parts.vcpu);
            Ok(())
        }
        Err(error) => Err((ExitKind::KvmError, format!("KVM_RUN failed: {error}"))),
    }
}

fn internal_error(parts: &mut VcpuParts) -> Result<(), (ExitKind, String)> {
    let run = parts.vcpu.get_kvm_run();
    // SAFETY: the exit reason is KVM_EXIT_INTERNAL_ERROR, so `internal` is the
    // live member; all of its bit patterns are valid.
    let internal = unsafe { run.__bindgen_anon_1.internal };
    if internal.suberror != KVM_INTERNAL_ERROR_EMULATION {
        return Err((
            ExitKind::KvmError,
            format!("KVM internal error, suberror {}", internal.suberror),
        ));
    }
    let Some(assist) = parts.assist.as_mut() else {
        return Err((
            ExitKind::EmulationFailure,
            format!("data {:x?}", &internal.data[..4]),
        ));
    };
    match assist.serve(&mut parts.vcpu, &parts.memory) {
        Ok(_) => {
            add(&parts.metrics.assisted, 1);
            Ok(())
        }
        Err(error) => Err((ExitKind::EmulationFailure, error.to_string())),
    }
}
