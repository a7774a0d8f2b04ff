//! The heap: dlmalloc on memory of the kernel.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr;

use dlmalloc::{Allocator, Dlmalloc};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Asked of the kernel at once: the buffers of a connection fit in. Memory counts
/// only once it is touched.
const SEGMENT: usize = 1024 * 1024;

const PAGE: usize = 4096;

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(Dlmalloc::new_with_allocator(Pages)));

struct Heap(UnsafeCell<Dlmalloc<Pages>>);

// SAFETY: the agent has one thread, and nothing interrupts it: it has no signal handlers.
unsafe impl Sync for Heap {}

// SAFETY: all of it is handed to an allocator that keeps the contract.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: one thread, and the allocator does not call itself.
        unsafe { (*self.0.get()).malloc(layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { (*self.0.get()).calloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above; the caller gives back what it was given.
        unsafe { (*self.0.get()).free(memory, layout.size(), layout.align()) };
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        unsafe { (*self.0.get()).realloc(memory, layout.size(), layout.align(), size) }
    }
}

struct Pages;

// SAFETY: the memory comes from the kernel, is of the size told, and is given back as told.
unsafe impl Allocator for Pages {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let size = size.next_multiple_of(SEGMENT);
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses an address where nothing is.
        match unsafe { mmap_anonymous(ptr::null_mut(), size, protection, MapFlags::PRIVATE) } {
            Ok(memory) => (memory.cast(), size, 0),
            Err(_) => (ptr::null_mut(), 0, 0),
        }
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        ptr::null_mut()
    }

    fn free_part(&self, memory: *mut u8, old_size: usize, new_size: usize) -> bool {
        // SAFETY: the allocator uses the part beyond the new size no more.
        unsafe { munmap(memory.wrapping_add(new_size).cast(), old_size - new_size) }.is_ok()
    }

    fn free(&self, memory: *mut u8, size: usize) -> bool {
        // SAFETY: the allocator uses this memory no more.
        unsafe { munmap(memory.cast(), size) }.is_ok()
    }

    fn can_release_part(&self, _: u32) -> bool {
        true
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE
    }
}
