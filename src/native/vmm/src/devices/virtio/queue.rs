//! Walking virtqueues whose contents the guest controls.

use std::num::Wrapping;
use std::sync::atomic::Ordering;

use virtio_queue::{DescriptorChain, Queue, QueueT, Writer};
use vm_memory::GuestMemoryMmap;

use super::Progress;

/// The queues of a device while its lock is held.
pub(crate) struct QueueIo<'a> {
    memory: &'a GuestMemoryMmap,
    queues: &'a mut [Queue],
    /// Whether the driver is to be interrupted.
    pub interrupt: bool,
}

impl<'a> QueueIo<'a> {
    pub fn new(memory: &'a GuestMemoryMmap, queues: &'a mut [Queue]) -> Self {
        Self {
            memory,
            queues,
            interrupt: false,
        }
    }

    pub fn memory(&self) -> &'a GuestMemoryMmap {
        self.memory
    }

    /// The next chain that the driver made available; none as well when the
    /// queue is not set up or its rings are broken.
    pub fn pop(&mut self, queue: usize) -> Option<DescriptorChain<&'a GuestMemoryMmap>> {
        let memory = self.memory;
        self.valid(queue)?.pop_descriptor_chain(memory)
    }

    /// Answers chains of a queue on which the device only writes, `budget` of them in one go:
    /// `answer` writes into a chain and tells how many bytes. A chain that cannot be written
    /// goes back empty.
    pub fn answer_each(
        &mut self,
        queue: usize,
        budget: usize,
        mut answer: impl FnMut(&mut Writer<'_>) -> usize,
    ) -> Progress {
        for _ in 0..budget {
            let Some(chain) = self.pop(queue) else {
                return if self.rearm(queue) {
                    Progress::More
                } else {
                    Progress::Idle
                };
            };
            let head = chain.head_index();
            let written = chain
                .writer(self.memory)
                .map_or(0, |mut writer| answer(&mut writer));
            self.push(queue, head, u32::try_from(written).unwrap_or(0));
        }
        Progress::More
    }

    /// Returns a chain with `written` bytes, and notes the interrupt when the
    /// driver wants one.
    pub fn push(&mut self, queue: usize, head: u16, written: u32) {
        let memory = self.memory;
        let Some(queue) = self.queues.get_mut(queue) else {
            return;
        };
        // It fails on broken rings only; such a driver gets no answer.
        if queue.add_used(memory, head, written).is_ok() {
            self.interrupt |= queue.needs_notification(memory).unwrap_or(true);
        }
    }

    /// Asks the driver to notify the device of the next buffer. Answers whether
    /// buffers came in the meantime; an index that claims more than the ring
    /// holds is no buffer, and nothing but a reset mends such a ring.
    pub fn rearm(&mut self, queue: usize) -> bool {
        let memory = self.memory;
        self.valid(queue).is_some_and(|queue| {
            let came = queue.enable_notification(memory).unwrap_or(false);
            let available = queue.avail_idx(memory, Ordering::Acquire);
            let ahead = available.map_or(0, |index| (index - Wrapping(queue.next_avail())).0);
            came && (1..=queue.size()).contains(&ahead)
        })
    }

    fn valid(&mut self, queue: usize) -> Option<&mut Queue> {
        let memory = self.memory;
        self.queues
            .get_mut(queue)
            .filter(|queue| queue.ready() && queue.is_valid(memory))
    }
}
