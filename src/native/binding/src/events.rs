//! `VmEvent` and `VmMetrics` of the contract.

use actovisor_vmm::{Event, ExitKind, MetricsSnapshot};
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

/// See `native.ts`.
#[napi(
    discriminant = "type",
    discriminant_case = "kebab-case",
    object_from_js = false
)]
#[derive(Debug)]
pub enum VmEvent {
    Stage {
        name: String,
        at_ns: BigInt,
    },
    VsockOpen {
        connection: u32,
        port: u32,
    },
    VsockReadable {
        connection: u32,
    },
    VsockWritable {
        connection: u32,
    },
    VsockClosed {
        connection: u32,
        reason: String,
    },
    Exit {
        kind: String,
        detail: String,
        at_ns: BigInt,
    },
}

impl From<Event> for VmEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::Stage { name, at_ns } => Self::Stage {
                name: name.to_owned(),
                at_ns: at_ns.into(),
            },
            Event::VsockOpen { connection, port } => Self::VsockOpen {
                connection: connection.0,
                port,
            },
            Event::VsockReadable(connection) => Self::VsockReadable {
                connection: connection.0,
            },
            Event::VsockWritable(connection) => Self::VsockWritable {
                connection: connection.0,
            },
            Event::VsockClosed { connection, reason } => Self::VsockClosed {
                connection: connection.0,
                reason: reason.to_owned(),
            },
            Event::Exit { cause, at_ns } => Self::Exit {
                kind: exit_kind(cause.kind).to_owned(),
                detail: cause.detail,
                at_ns: at_ns.into(),
            },
        }
    }
}

fn exit_kind(kind: ExitKind) -> &'static str {
    match kind {
        ExitKind::Killed => "killed",
        ExitKind::Reset => "reset",
        ExitKind::GuestPanic => "guest-panic",
        ExitKind::TripleFault => "triple-fault",
        ExitKind::EmulationFailure => "emulation-failure",
        ExitKind::KvmError => "kvm-error",
        ExitKind::InternalError => "internal-error",
    }
}

/// See `native.ts`.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct VmMetrics {
    pub exits_io: BigInt,
    pub exits_mmio: BigInt,
    pub exits_other: BigInt,
    pub assisted: BigInt,
    pub vsock_rx_bytes: BigInt,
    pub vsock_tx_bytes: BigInt,
    pub console_bytes: BigInt,
    pub console_dropped_bytes: BigInt,
}

impl From<MetricsSnapshot> for VmMetrics {
    fn from(snapshot: MetricsSnapshot) -> Self {
        Self {
            exits_io: snapshot.exits_io.into(),
            exits_mmio: snapshot.exits_mmio.into(),
            exits_other: snapshot.exits_other.into(),
            assisted: snapshot.assisted.into(),
            vsock_rx_bytes: snapshot.vsock_rx_bytes.into(),
            vsock_tx_bytes: snapshot.vsock_tx_bytes.into(),
            console_bytes: snapshot.console_bytes.into(),
            console_dropped_bytes: snapshot.console_dropped_bytes.into(),
        }
    }
}
