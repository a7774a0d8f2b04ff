//! What a host may not do.

use crate::protocol::{MAX_DATA, MAX_MESSAGE, Stream};

/// A message that breaks the protocol; it ends the connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The length prefix is no varint of at most five bytes.
    #[error("a length prefix that is no varint")]
    Length,
    /// The message is too long.
    #[error("a message of {0} bytes; the limit is {MAX_MESSAGE}")]
    TooLong(u64),
    /// The bytes are no message.
    #[error("a message that cannot be decoded: {0}")]
    Undecodable(prost::DecodeError),
    /// The message has no body that this agent knows.
    #[error("request {0}: a message without a known body")]
    UnknownBody(u32),
    /// Requests have ids other than 0.
    #[error("a message for request 0")]
    RequestZero,
    /// The id of an open request was used to open another.
    #[error("request {0} is opened while it is in use")]
    InUse(u32),
    /// The request is of a kind that does not take this message.
    #[error("request {request}: {message} does not belong to it")]
    Unsuitable {
        /// The request named.
        request: u32,
        /// The message.
        message: &'static str,
    },
    /// More data than was granted.
    #[error("request {request}: {bytes} bytes on {stream:?}, {granted} are granted")]
    BeyondGrant {
        /// The request named.
        request: u32,
        /// The stream.
        stream: Stream,
        /// How much came.
        bytes: usize,
        /// How much was allowed.
        granted: usize,
    },
    /// A `Data` is too long.
    #[error("request {request}: a Data of {bytes} bytes; the limit is {MAX_DATA}")]
    DataTooLong {
        /// The request named.
        request: u32,
        /// How much came.
        bytes: usize,
    },
    /// Data or a second end after the end of a stream.
    #[error("request {0}: a stream goes on after its end")]
    AfterEnd(u32),
}
