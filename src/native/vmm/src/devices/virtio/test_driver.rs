//! The driver's side of split virtqueues, for tests: follows the rules, or
//! breaks them on demand.

use virtio_queue::{Queue, QueueT};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

/// VRING_DESC_F_WRITE
pub(crate) const WRITE: u16 = 2;
const NEXT: u16 = 1;
const SIZE: u16 = 128;
const STRIDE: u64 = 0x1_0000;
const BASE: u64 = 0x10_0000;
const AVAIL: u64 = 0x4000;
const USED: u64 = 0x8000;

/// Queues in guest memory and where the driver stands in them.
pub(crate) struct Driver {
    pub memory: GuestMemoryMmap,
    pub queues: Vec<Queue>,
    places: Vec<Place>,
}

#[derive(Default)]
struct Place {
    next_descriptor: u16,
    available: u16,
    used: u16,
    /// First address of the chain that starts at a descriptor.
    addresses: Vec<u64>,
}

impl Driver {
    pub fn new(memory: GuestMemoryMmap, count: u64) -> Self {
        let queues = (0..count)
            .map(|index| {
                let mut queue = Queue::new(SIZE).unwrap();
                let base = BASE + index * STRIDE;
                queue
                    .try_set_desc_table_address(GuestAddress(base))
                    .unwrap();
                queue
                    .try_set_avail_ring_address(GuestAddress(base + AVAIL))
                    .unwrap();
                queue
                    .try_set_used_ring_address(GuestAddress(base + USED))
                    .unwrap();
                queue.set_ready(true);
                queue
            })
            .collect();
        let places = (0..count)
            .map(|_| Place {
                addresses: vec![0; usize::from(SIZE)],
                ..Place::default()
            })
            .collect();
        Self {
            memory,
            queues,
            places,
        }
    }

    /// Makes a chain of (address, length, flags) available.
    pub fn offer(&mut self, queue: usize, chain: &[(u64, u32, u16)]) {
        let head = self.places[queue].next_descriptor;
        self.places[queue].addresses[usize::from(head)] = chain[0].0;
        for (position, (address, length, flags)) in chain.iter().enumerate() {
            let index = self.places[queue].next_descriptor;
            let following = (index + 1) % SIZE;
            let more = if position + 1 < chain.len() { NEXT } else { 0 };
            self.describe(queue, index, (*address, *length, flags | more, following));
            self.places[queue].next_descriptor = following;
        }
        self.publish(queue, head);
    }

    /// Makes a chain available whose descriptor is its own successor.
    pub fn offer_loop(&mut self, queue: usize) {
        let head = self.places[queue].next_descriptor;
        self.describe(queue, head, (BASE, 16, NEXT, head));
        self.publish(queue, head);
    }

    /// Claims more available chains than the queue has.
    pub fn corrupt_available_index(&mut self, queue: usize) {
        let index = self.places[queue].available.wrapping_add(SIZE * 3);
        self.memory
            .write_obj(index, GuestAddress(base(queue) + AVAIL + 2))
            .unwrap();
    }

    /// Points the rings somewhere else, past the checks of the transport.
    pub fn move_rings(&mut self, queue: usize, to: GuestAddress) {
        let halves = (
            u32::try_from(to.0 & 0xffff_f000).unwrap(),
            u32::try_from(to.0 >> 32).unwrap(),
        );
        self.queues[queue].set_avail_ring_address(Some(halves.0), Some(halves.1));
        self.queues[queue].set_used_ring_address(Some(halves.0), Some(halves.1));
    }

    /// Takes the used chains: their first address and the bytes written.
    pub fn used(&mut self, queue: usize) -> Vec<(u64, u32)> {
        let at = base(queue) + USED;
        let end: u16 = self.memory.read_obj(GuestAddress(at + 2)).unwrap();
        let mut taken = Vec::new();
        while self.places[queue].used != end {
            let slot = u64::from(self.places[queue].used % SIZE);
            let id: u32 = self
                .memory
                .read_obj(GuestAddress(at + 4 + slot * 8))
                .unwrap();
            let written: u32 = self
                .memory
                .read_obj(GuestAddress(at + 8 + slot * 8))
                .unwrap();
            taken.push((self.places[queue].addresses[id as usize], written));
            self.places[queue].used = self.places[queue].used.wrapping_add(1);
        }
        taken
    }

    fn describe(
        &self,
        queue: usize,
        index: u16,
        (address, length, flags, next): (u64, u32, u16, u16),
    ) {
        let at = base(queue) + u64::from(index) * 16;
        let write = |offset, bytes: &[u8]| {
            self.memory
                .write_slice(bytes, GuestAddress(at + offset))
                .unwrap();
        };
        write(0, &address.to_le_bytes());
        write(8, &length.to_le_bytes());
        write(12, &flags.to_le_bytes());
        write(14, &next.to_le_bytes());
    }

    fn publish(&mut self, queue: usize, head: u16) {
        let place = &mut self.places[queue];
        let at = base(queue) + AVAIL;
        let slot = u64::from(place.available % SIZE);
        self.memory
            .write_obj(head, GuestAddress(at + 4 + slot * 2))
            .unwrap();
        place.available = place.available.wrapping_add(1);
        self.memory
            .write_obj(place.available, GuestAddress(at + 2))
            .unwrap();
    }
}

fn base(queue: usize) -> u64 {
    BASE + queue as u64 * STRIDE
}
