//! The header of vsock packets.

use vm_memory::ByteValued;

/// Bytes of a header.
pub(crate) const HEADER_BYTES: usize = 44;
/// Payload bytes of one packet at most: what Linux sends at most.
pub(crate) const PAYLOAD_BYTES: u32 = 64 << 10;
/// Context id of the host.
pub(crate) const HOST_CID: u64 = 2;
/// VIRTIO_VSOCK_TYPE_STREAM
pub(crate) const TYPE_STREAM: u16 = 1;
/// The sender of a SHUTDOWN will receive no more.
pub(crate) const SHUTDOWN_RECEIVE: u32 = 1;
/// The sender of a SHUTDOWN will send no more.
pub(crate) const SHUTDOWN_SEND: u32 = 2;

/// Operations: VIRTIO_VSOCK_OP_*.
pub(crate) mod op {
    pub const REQUEST: u16 = 1;
    pub const RESPONSE: u16 = 2;
    pub const RST: u16 = 3;
    pub const SHUTDOWN: u16 = 4;
    pub const RW: u16 = 5;
    pub const CREDIT_UPDATE: u16 = 6;
    pub const CREDIT_REQUEST: u16 = 7;
}

/// struct virtio_vsock_hdr, little-endian like every host this runs on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C, packed)]
pub(crate) struct Header {
    pub src_cid: u64,
    pub dst_cid: u64,
    pub src_port: u32,
    pub dst_port: u32,
    pub len: u32,
    pub type_: u16,
    pub op: u16,
    pub flags: u32,
    pub buf_alloc: u32,
    pub fwd_cnt: u32,
}

// SAFETY: a packed struct of integers has no padding, and all bit patterns of
// its fields are valid.
unsafe impl ByteValued for Header {}

const _: () = assert!(
    size_of::<Header>() == HEADER_BYTES,
    "the wire format has 44 bytes"
);
