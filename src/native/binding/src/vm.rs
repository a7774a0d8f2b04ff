//! `createVm` and `NativeVm` of the contract.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actovisor_vmm::{ConnectionId, EventQueue, Machine, open_kvm};
use napi::Env;
use napi::bindgen_prelude::{Buffer, Function};
use napi_derive::napi;

use crate::config::VmConfig;
use crate::errors::{Coded, closed, of_create, of_machine};
use crate::events::{VmEvent, VmMetrics};
use crate::host::host_facts;
use crate::wake::wake_by;

/// Empty once closed. Shared with the environment's clean-up hook, which ends
/// the machine when its thread ends, whatever ended it.
type Slot = Arc<Mutex<Option<Machine>>>;

/// See `native.ts`.
#[napi]
#[derive(Debug)]
pub struct NativeVm {
    slot: Slot,
}

/// See `native.ts`.
#[napi(catch_unwind)]
pub fn create_vm(
    env: Env,
    config: VmConfig,
    on_wake: Function<'_, (), ()>,
) -> Result<NativeVm, Coded> {
    let config = config.into_machine_config()?;
    let facts = host_facts().map_err(|error| of_create(&error))?;
    let events = Arc::new(EventQueue::new(wake_by(on_wake)?));
    let kvm = open_kvm().map_err(|error| of_create(&error))?;
    let machine = Machine::create(&kvm, &facts.profile, &config, events)
        .map_err(|error| of_create(&error))?;
    let slot: Slot = Arc::new(Mutex::new(Some(machine)));
    // Registered after the threadsafe function, so it runs before its end.
    env.add_env_cleanup_hook(Arc::clone(&slot), |slot| drop(take(&slot)))
        .map_err(|error| Coded::new("KVM_ERROR".to_owned(), error.reason.clone()))?;
    Ok(NativeVm { slot })
}

#[napi]
impl NativeVm {
    /// See `native.ts`.
    #[napi(catch_unwind)]
    pub fn start(&self) -> Result<(), Coded> {
        self.with("start", Machine::start)?
            .map_err(|error| of_machine(&error))
    }

    /// See `native.ts`.
    #[napi(catch_unwind)]
    pub fn take_events(&self) -> Result<Vec<VmEvent>, Coded> {
        self.with("takeEvents", |machine| {
            machine.take_events().into_iter().map(Into::into).collect()
        })
    }

    /// See `native.ts`.
    #[napi(catch_unwind)]
    pub fn vsock_read(&self, connection: u32, max_bytes: u32) -> Result<Option<Buffer>, Coded> {
        let limit = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        self.with("vsockRead", |machine| {
            machine.vsock_read(ConnectionId(connection), limit)
        })?
        .map(|bytes| bytes.map(Into::into))
        .map_err(|error| of_machine(&error))
    }

    /// See `native.ts`.
    #[napi(catch_unwind)]
    pub fn vsock_write(&self, connection: u32, bytes: &[u8]) -> Result<u32, Coded> {
        self.with("vsockWrite", |machine| {
            machine.vsock_write(ConnectionId(connection), bytes)
        })?
        .map(|count| u32::try_from(count).unwrap_or(u32::MAX))
        .map_err(|error| of_machine(&error))
    }

    /// See `native.ts`.
    #[napi(catch_unwind)]
    pub fn vsock_close(&self, connection: u32) -> Result<(), Coded> {
        self.with("vsockClose", |machine| {
            machine.vsock_close(ConnectionId(connection))
        })?
        .map_err(|error| of_machine(&error))
    }

    /// See `native.ts`.
    #[napi(catch_unwind)]
    pub fn console_tail(&self, max_bytes: u32) -> Result<Buffer, Coded> {
        let limit = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        self.with("consoleTail", |machine| machine.console_tail(limit).into())
    }

    /// See `native.ts`.
    #[napi(catch_unwind)]
    pub fn pause(&self) -> Result<(), Coded> {
        self.with("pause", Machine::pause)?
            .map_err(|error| of_machine(&error))
    }

    /// See `native.ts`.
    #[napi(catch_unwind)]
    pub fn resume(&self) -> Result<(), Coded> {
        self.with("resume", Machine::resume)?
            .map_err(|error| of_machine(&error))
    }

    /// See `native.ts`.
    #[napi(catch_unwind)]
    pub fn metrics(&self) -> Result<VmMetrics, Coded> {
        self.with("metrics", |machine| machine.metrics().into())
    }

    /// See `native.ts`.
    #[napi(catch_unwind)]
    pub fn kill(&self) -> Result<(), Coded> {
        self.with("kill", Machine::kill)
    }

    /// See `native.ts`.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        drop(take(&self.slot));
    }

    fn with<R>(&self, request: &str, work: impl FnOnce(&Machine) -> R) -> Result<R, Coded> {
        lock(&self.slot)
            .as_ref()
            .map(work)
            .ok_or_else(|| closed(request))
    }
}

impl Drop for NativeVm {
    fn drop(&mut self) {
        self.close();
    }
}

/// Takes the machine out under the lock, to be dropped outside of it.
fn take(slot: &Slot) -> Option<Machine> {
    lock(slot).take()
}

fn lock(slot: &Slot) -> MutexGuard<'_, Option<Machine>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
