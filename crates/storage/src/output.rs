//! Output of executions: chunks that are addressed by their byte offset in the original stream.

use bytes::Bytes;
use oneoff_domain::{OutputStream, Timestamp};

/// A piece of output to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOutputChunk {
    /// Where it came from.
    pub stream: OutputStream,
    /// The offset of its first byte among all that the execution wrote, over both streams.
    pub offset: i64,
    /// When it was written.
    pub at: Timestamp,
    /// The bytes.
    pub bytes: Bytes,
}

/// A stored piece, or the part of it that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSlice {
    /// Where it came from.
    pub stream: OutputStream,
    /// The offset of its first byte.
    pub offset: i64,
    /// When it was written.
    pub at: Timestamp,
    /// The bytes.
    pub bytes: Bytes,
}

/// A part of an execution's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPage {
    /// Consecutive pieces; where the offset jumps, what lay between was not kept.
    pub slices: Vec<OutputSlice>,
    /// Where to go on reading.
    pub next_offset: i64,
    /// Bytes of output so far, kept or not.
    pub total_bytes: i64,
    /// Whether everything there will ever be has been returned: the execution is over and this is its end.
    pub complete: bool,
}
