//! virtio devices and their transport over MMIO.
//!
//! Source: Virtual I/O Device (VIRTIO) Version 1.2, OASIS.

pub(crate) mod mmio;
pub(crate) mod pmem;
pub(crate) mod queue;
pub(crate) mod rng;
#[cfg(test)]
pub(crate) mod test_driver;
pub(crate) mod vsock;

use queue::QueueIo;

/// Whether a device has more to do on a queue than it did in one go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing is left until the next notification.
    Idle,
    /// The budget of one go is used up.
    More,
}

/// What tells one kind of device from another. Its methods are called with the
/// transport's lock held and never wait for anything but memory.
pub(crate) trait VirtioDevice: Send {
    /// Name of the boot stage that the driver's DRIVER_OK ends.
    fn stage(&self) -> &'static str;
    /// Device id of the specification, chapter 5.
    fn device_id(&self) -> u32;
    /// Device-specific feature bits.
    fn features(&self) -> u64 {
        0
    }
    /// Greatest size of each queue.
    fn queue_sizes(&self) -> &'static [u16];
    /// The configuration space.
    fn config(&self) -> &[u8];
    /// The driver made buffers available on `queue`.
    fn notify(&mut self, queue: usize, io: &mut QueueIo<'_>) -> Progress;
    /// The driver reset the device: forget all of it.
    fn reset(&mut self) {}
}
