//! The MMIO transport: registers of a virtio device.
//!
//! Source: VIRTIO 1.2, 4.2 "Virtio Over MMIO".

use std::sync::{Arc, Mutex};

use virtio_bindings::virtio_config::{
    VIRTIO_CONFIG_S_DRIVER_OK, VIRTIO_CONFIG_S_FEATURES_OK, VIRTIO_F_VERSION_1,
};
use virtio_bindings::virtio_mmio as reg;
use virtio_bindings::virtio_ring::VIRTIO_RING_F_EVENT_IDX;
use virtio_queue::{Queue, QueueT};
use vm_memory::GuestMemoryMmap;

use super::queue::QueueIo;
use super::{Progress, VirtioDevice};
use crate::devices::irq::IrqLine;
use crate::events::{EventQueue, lock};
use crate::vcpu::Control;

const MAGIC: u32 = 0x7472_6976;
const VERSION: u32 = 2;
/// "ACTV"
const VENDOR: u32 = 0x5654_4341;
const INTERRUPT_USED_RING: u32 = 1;
/// Size of a shared memory region that does not exist.
const NO_REGION: u32 = u32::MAX;

/// A device on the bus.
pub(crate) trait MmioDevice: Send + Sync {
    fn read(&self, offset: u64, data: &mut [u8]);
    fn write(&self, offset: u64, data: &[u8]);
}

/// A virtio device with its registers and queues.
pub(crate) struct Transport<D> {
    memory: GuestMemoryMmap,
    irq: IrqLine,
    control: Arc<Control>,
    events: Arc<EventQueue>,
    inner: Mutex<Inner<D>>,
}

struct Inner<D> {
    device: D,
    queues: Vec<Queue>,
    status: u32,
    interrupt_status: u32,
    device_features_select: u32,
    driver_features_select: u32,
    driver_features: u64,
    queue_select: u32,
}

impl<D: VirtioDevice> Transport<D> {
    pub fn new(
        device: D,
        memory: GuestMemoryMmap,
        irq: IrqLine,
        control: Arc<Control>,
        events: Arc<EventQueue>,
    ) -> Self {
        let queues = device
            .queue_sizes()
            .iter()
            .filter_map(|size| Queue::new(*size).ok())
            .collect();
        let inner = Inner {
            device,
            queues,
            status: 0,
            interrupt_status: 0,
            device_features_select: 0,
            driver_features_select: 0,
            driver_features: 0,
            queue_select: 0,
        };
        Self {
            memory,
            irq,
            control,
            events,
            inner: Mutex::new(inner),
        }
    }

    /// Works on the device and its queues from outside of the guest, and
    /// interrupts the guest when that made buffers ready.
    pub fn with<R>(&self, work: impl FnOnce(&mut D, &mut QueueIo<'_>) -> R) -> R {
        let mut inner = lock(&self.inner);
        let inner = &mut *inner;
        let ready = inner.status & VIRTIO_CONFIG_S_DRIVER_OK != 0;
        let queues: &mut [Queue] = if ready { &mut inner.queues } else { &mut [] };
        let mut io = QueueIo::new(&self.memory, queues);
        let result = work(&mut inner.device, &mut io);
        if io.interrupt {
            inner.interrupt_status |= INTERRUPT_USED_RING;
            self.irq.raise();
        }
        result
    }

    /// Serves a queue. The lock is given up between goes, so that a guest with
    /// several vCPUs can neither hold the owner off nor outlive its kill.
    fn notify(&self, queue: u32) {
        let Ok(queue) = usize::try_from(queue) else {
            return;
        };
        while self.with(|device, io| device.notify(queue, io)) == Progress::More {
            if self.control.stopping() {
                return;
            }
            std::thread::yield_now();
        }
    }

    fn read_register(&self, offset: u32) -> u32 {
        let inner = &mut *lock(&self.inner);
        match offset {
            reg::VIRTIO_MMIO_MAGIC_VALUE => MAGIC,
            reg::VIRTIO_MMIO_VERSION => VERSION,
            reg::VIRTIO_MMIO_DEVICE_ID => inner.device.device_id(),
            reg::VIRTIO_MMIO_VENDOR_ID => VENDOR,
            reg::VIRTIO_MMIO_DEVICE_FEATURES => {
                half(inner.features(), inner.device_features_select)
            }
            reg::VIRTIO_MMIO_QUEUE_NUM_MAX => inner
                .selected()
                .map_or(0, |queue| u32::from(queue.max_size())),
            reg::VIRTIO_MMIO_QUEUE_READY => {
                inner.selected().map_or(0, |queue| u32::from(queue.ready()))
            }
            reg::VIRTIO_MMIO_INTERRUPT_STATUS => inner.interrupt_status,
            reg::VIRTIO_MMIO_STATUS => inner.status,
            reg::VIRTIO_MMIO_SHM_LEN_LOW | reg::VIRTIO_MMIO_SHM_LEN_HIGH => NO_REGION,
            _ => 0,
        }
    }

    fn write_register(&self, offset: u32, value: u32) {
        if offset == reg::VIRTIO_MMIO_QUEUE_NOTIFY {
            return self.notify(value);
        }
        let inner = &mut *lock(&self.inner);
        match offset {
            reg::VIRTIO_MMIO_DEVICE_FEATURES_SEL => inner.device_features_select = value,
            reg::VIRTIO_MMIO_DRIVER_FEATURES_SEL => inner.driver_features_select = value,
            reg::VIRTIO_MMIO_DRIVER_FEATURES => inner.set_driver_features(value),
            reg::VIRTIO_MMIO_QUEUE_SEL => inner.queue_select = value,
            reg::VIRTIO_MMIO_INTERRUPT_ACK => inner.interrupt_status &= !value,
            reg::VIRTIO_MMIO_STATUS => self.set_status(inner, value),
            _ => inner.set_up_queue(offset, value),
        }
    }

    fn set_status(&self, inner: &mut Inner<D>, value: u32) {
        if value == 0 {
            inner.reset();
            return;
        }
        let accepted = inner.driver_features & !inner.features() == 0
            && inner.driver_features & 1 << VIRTIO_F_VERSION_1 != 0;
        let refused = if accepted {
            0
        } else {
            VIRTIO_CONFIG_S_FEATURES_OK
        };
        let began = value & !inner.status & VIRTIO_CONFIG_S_DRIVER_OK != 0;
        inner.status = value & !refused;
        if began {
            let event_idx = inner.driver_features & 1 << VIRTIO_RING_F_EVENT_IDX != 0;
            inner
                .queues
                .iter_mut()
                .for_each(|queue| queue.set_event_idx(event_idx));
            self.events.stage(inner.device.stage());
        }
    }
}

impl<D: VirtioDevice> Inner<D> {
    fn features(&self) -> u64 {
        self.device.features() | 1 << VIRTIO_F_VERSION_1 | 1 << VIRTIO_RING_F_EVENT_IDX
    }

    fn selected(&mut self) -> Option<&mut Queue> {
        self.queues
            .get_mut(usize::try_from(self.queue_select).ok()?)
    }

    fn set_driver_features(&mut self, value: u32) {
        // Features are fixed once the driver runs.
        if self.status & VIRTIO_CONFIG_S_FEATURES_OK != 0 {
            return;
        }
        let value = u64::from(value);
        match self.driver_features_select {
            0 => self.driver_features = self.driver_features & !0xffff_ffff | value,
            1 => self.driver_features = self.driver_features & 0xffff_ffff | value << 32,
            _ => {}
        }
    }

    fn set_up_queue(&mut self, offset: u32, value: u32) {
        let Some(queue) = self.selected() else { return };
        if offset == reg::VIRTIO_MMIO_QUEUE_READY {
            return queue.set_ready(value == 1);
        }
        // A queue in use keeps its place.
        if queue.ready() {
            return;
        }
        match offset {
            reg::VIRTIO_MMIO_QUEUE_NUM => queue.set_size(u16::try_from(value).unwrap_or(0)),
            reg::VIRTIO_MMIO_QUEUE_DESC_LOW => queue.set_desc_table_address(Some(value), None),
            reg::VIRTIO_MMIO_QUEUE_DESC_HIGH => queue.set_desc_table_address(None, Some(value)),
            reg::VIRTIO_MMIO_QUEUE_AVAIL_LOW => queue.set_avail_ring_address(Some(value), None),
            reg::VIRTIO_MMIO_QUEUE_AVAIL_HIGH => queue.set_avail_ring_address(None, Some(value)),
            reg::VIRTIO_MMIO_QUEUE_USED_LOW => queue.set_used_ring_address(Some(value), None),
            reg::VIRTIO_MMIO_QUEUE_USED_HIGH => queue.set_used_ring_address(None, Some(value)),
            _ => {}
        }
    }

    fn reset(&mut self) {
        self.device.reset();
        self.queues.iter_mut().for_each(QueueT::reset);
        self.status = 0;
        self.interrupt_status = 0;
        self.driver_features = 0;
        self.device_features_select = 0;
        self.driver_features_select = 0;
        self.queue_select = 0;
    }
}

impl<D: VirtioDevice> MmioDevice for Transport<D> {
    fn read(&self, offset: u64, data: &mut [u8]) {
        let config = u64::from(reg::VIRTIO_MMIO_CONFIG);
        if offset >= config {
            data.fill(0);
            let from = usize::try_from(offset - config).unwrap_or(usize::MAX);
            let inner = lock(&self.inner);
            let space = inner.device.config().get(from..).unwrap_or_default();
            data.iter_mut()
                .zip(space)
                .for_each(|(to, from)| *to = *from);
        } else if let (Ok(register), Ok(word)) =
            (u32::try_from(offset), <&mut [u8; 4]>::try_from(data))
        {
            *word = self.read_register(register).to_le_bytes();
        }
    }

    fn write(&self, offset: u64, data: &[u8]) {
        if let (Ok(register), Ok(word)) = (u32::try_from(offset), <[u8; 4]>::try_from(data)) {
            self.write_register(register, u32::from_le_bytes(word));
        }
    }
}

fn half(bits: u64, select: u32) -> u32 {
    let half = match select {
        0 => bits & 0xffff_ffff,
        1 => bits >> 32,
        _ => 0,
    };
    u32::try_from(half).unwrap_or(0)
}
