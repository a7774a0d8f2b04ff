//! virtio-pmem: the root disk as a range of guest physical memory.
//!
//! Source: VIRTIO 1.2, 5.19 "PMEM Device". The data path is a read-only memslot
//! over the mapped file; this device tells where it lies and answers flushes,
//! which have nothing to do on a disk that cannot be written.

use virtio_bindings::virtio_ids::VIRTIO_ID_PMEM;

use super::queue::QueueIo;
use super::{Progress, VirtioDevice};

const QUEUE_SIZES: &[u16] = &[8];
const BUDGET: usize = 16;

/// The persistent memory device.
#[derive(Debug)]
pub(crate) struct Pmem {
    config: [u8; 16],
}

impl Pmem {
    /// A region at guest physical address `start` of `bytes` bytes.
    pub fn new(start: u64, bytes: u64) -> Self {
        let mut config = [0; 16];
        config[..8].copy_from_slice(&start.to_le_bytes());
        config[8..].copy_from_slice(&bytes.to_le_bytes());
        Self { config }
    }
}

impl VirtioDevice for Pmem {
    fn stage(&self) -> &'static str {
        "virtio-pmem"
    }

    fn device_id(&self) -> u32 {
        VIRTIO_ID_PMEM
    }

    fn queue_sizes(&self) -> &'static [u16] {
        QUEUE_SIZES
    }

    fn config(&self) -> &[u8] {
        &self.config
    }

    fn notify(&mut self, queue: usize, io: &mut QueueIo<'_>) -> Progress {
        io.answer_each(queue, BUDGET, |writer| {
            writer.write_obj(0u32).map_or(0, |()| size_of::<u32>())
        })
    }
}
