//! virtio-rng: entropy of the host.
//!
//! Source: VIRTIO 1.2, 5.4 "Entropy Device".

use std::io::Write;

use virtio_bindings::virtio_ids::VIRTIO_ID_RNG;

use super::queue::QueueIo;
use super::{Progress, VirtioDevice};
use crate::entropy;

/// Bytes given for one request at most; the driver asks again for more.
const REQUEST_BYTES: usize = 256;
const QUEUE_SIZES: &[u16] = &[8];
/// Requests served with the lock held.
const BUDGET: usize = 16;

/// The entropy device.
#[derive(Debug)]
pub(crate) struct Rng;

impl VirtioDevice for Rng {
    fn stage(&self) -> &'static str {
        "virtio-rng"
    }

    fn device_id(&self) -> u32 {
        VIRTIO_ID_RNG
    }

    fn queue_sizes(&self) -> &'static [u16] {
        QUEUE_SIZES
    }

    fn config(&self) -> &[u8] {
        &[]
    }

    fn notify(&mut self, queue: usize, io: &mut QueueIo<'_>) -> Progress {
        io.answer_each(queue, BUDGET, |writer| {
            let mut bytes = [0; REQUEST_BYTES];
            let count = writer.available_bytes().min(REQUEST_BYTES);
            let filled =
                entropy::fill(&mut bytes[..count]).and_then(|()| writer.write(&bytes[..count]));
            filled.unwrap_or(0)
        })
    }
}
