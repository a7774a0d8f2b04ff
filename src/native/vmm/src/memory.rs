//! Guest RAM and the mapped root disk.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;

use vm_memory::{
    GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion, GuestRegionMmap,
    MmapRegion,
};

use crate::error::CreateError;
use crate::layout::{HOLE_END, HOLE_START, PMEM_ALIGN};

/// Size and place of a virtio-pmem region: Linux maps it in units of this, its
/// `memremap_compat_align`.
const DISK_UNIT: u64 = 2 << 20;

/// Maps `mib` MiB of zero pages as guest RAM: one region below the device hole
/// and, when that is full, one from 4 GiB. Pages are taken when first touched.
pub(crate) fn map_ram(mib: u64) -> Result<GuestMemoryMmap, CreateError> {
    let failed = |source| CreateError::NoMemory { mib, source };
    let mut regions = Vec::new();
    for (start, bytes) in ram_ranges(mib) {
        let size =
            usize::try_from(bytes).map_err(|_| failed(invalid("larger than the address space")))?;
        let mapping = MmapRegion::build(
            None,
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
        )
        .map_err(|error| failed(std::io::Error::other(error)))?;
        prefer_large_pages(&mapping);
        let region = GuestRegionMmap::new(mapping, GuestAddress(start))
            .ok_or_else(|| failed(invalid("wraps around")))?;
        regions.push(region);
    }
    GuestMemoryMmap::from_regions(regions).map_err(|error| failed(std::io::Error::other(error)))
}

/// Lets the host map 2 MiB at a time. A fresh guest touches thousands of pages,
/// and each first touch of a small one costs 30 to 60 µs on hosts whose KVM
/// shadows page tables. It is a wish; hosts without large pages go on with small.
fn prefer_large_pages(mapping: &MmapRegion) {
    // SAFETY: the range is that of `mapping`, and the advice changes no contents.
    unsafe { libc::madvise(mapping.as_ptr().cast(), mapping.size(), libc::MADV_HUGEPAGE) };
}

/// The guest physical ranges of RAM, as start and length in bytes.
pub(crate) fn ram_ranges(mib: u64) -> Vec<(u64, u64)> {
    let bytes = mib << 20;
    let low = bytes.min(HOLE_START);
    let mut ranges = vec![(0, low)];
    if bytes > low {
        ranges.push((HOLE_END, bytes - low));
    }
    ranges
}

/// Where the first virtio-pmem region of a machine with `mib` MiB begins.
pub(crate) fn pmem_start(mib: u64) -> u64 {
    let end = ram_ranges(mib)
        .last()
        .map_or(0, |(start, bytes)| start + bytes);
    end.max(HOLE_END).next_multiple_of(PMEM_ALIGN)
}

/// A file mapped shared and read-only, whole.
#[derive(Debug)]
pub(crate) struct DiskMapping {
    address: usize,
    bytes: u64,
}

impl DiskMapping {
    pub fn open(path: &Path) -> Result<Self, CreateError> {
        let unreadable = |source| CreateError::DiskUnreadable {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(unreadable)?;
        let bytes = file.metadata().map_err(unreadable)?.len();
        let invalid = || CreateError::DiskInvalid {
            path: path.to_owned(),
            bytes,
        };
        if bytes == 0 || !bytes.is_multiple_of(DISK_UNIT) {
            return Err(invalid());
        }
        let length = usize::try_from(bytes).map_err(|_| invalid())?;
        // SAFETY: a new mapping at an address of the kernel's choosing; nothing
        // else refers to it, and it is unmapped in Drop only.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(unreadable(std::io::Error::last_os_error()));
        }
        Ok(Self {
            address: address.addr(),
            bytes,
        })
    }

    pub fn address(&self) -> u64 {
        self.address as u64
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for DiskMapping {
    fn drop(&mut self) {
        let length = usize::try_from(self.bytes).unwrap_or(0);
        // SAFETY: the mapping made in `open`, with its address and length; the
        // machine that owns this drops its VM before.
        unsafe { libc::munmap(std::ptr::with_exposed_provenance_mut(self.address), length) };
    }
}

/// Puts the pages of `file` from `offset` over guest RAM at `start`, privately:
/// the guest sees the file and writes to its own copies. All three are whole
/// pages, and the range must lie in one region.
pub(crate) fn overlay_file(
    memory: &GuestMemoryMmap,
    start: u64,
    bytes: u64,
    file: &File,
    offset: u64,
) -> std::io::Result<()> {
    let outside = || invalid("outside of guest RAM");
    let region = memory
        .find_region(GuestAddress(start))
        .ok_or_else(outside)?;
    let end = start.checked_add(bytes).ok_or_else(outside)?;
    if end > region.start_addr().0 + region.len() {
        return Err(outside());
    }
    let address = memory
        .get_host_address(GuestAddress(start))
        .map_err(|_| outside())?;
    let length = usize::try_from(bytes).map_err(|_| outside())?;
    let offset = libc::off_t::try_from(offset).map_err(|_| outside())?;
    // SAFETY: the range lies within the anonymous mapping of `region`, which
    // this process owns and no vCPU uses yet; unmapping that region later
    // unmaps the overlay with it.
    let mapped = unsafe {
        libc::mmap(
            address.cast(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_FIXED | libc::MAP_NORESERVE,
            file.as_raw_fd(),
            offset,
        )
    };
    if mapped == libc::MAP_FAILED {
        Err(std::io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn invalid(what: &'static str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidInput, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ram_goes_around_the_device_hole() {
        assert_eq!(ram_ranges(128), [(0, 128 << 20)]);
        assert_eq!(ram_ranges(3072), [(0, HOLE_START)]);
        assert_eq!(ram_ranges(4096), [(0, HOLE_START), (HOLE_END, 1 << 30)]);
        assert_eq!(pmem_start(128), HOLE_END);
        assert_eq!(pmem_start(4096), HOLE_END + PMEM_ALIGN);
        assert_eq!(pmem_start(4097), HOLE_END + 2 * PMEM_ALIGN);
    }
}
