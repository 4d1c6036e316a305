//! Where an executor writes its output: a bounded channel, so that a flood slows its writer down.

use bytes::Bytes;
use oneoff_domain::OutputStream;
use tokio::sync::mpsc;

/// A piece of output in the order in which it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputChunk {
    /// Where it came from.
    pub stream: OutputStream,
    /// The bytes.
    pub bytes: Bytes,
}

/// The writing end. Cheap to clone; dropped ends close the output.
#[derive(Debug, Clone)]
pub struct OutputWriter {
    sender: mpsc::Sender<OutputChunk>,
}

impl OutputWriter {
    /// A writer and the end that collects what it writes, with room for `capacity` chunks between them.
    #[must_use]
    pub fn channel(capacity: usize) -> (Self, mpsc::Receiver<OutputChunk>) {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        (Self { sender }, receiver)
    }

    /// Writes a piece of output; waits while the collector is behind. Without a collector it is dropped.
    pub async fn write(&self, stream: OutputStream, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        if !bytes.is_empty() {
            let _no_collector = self.sender.send(OutputChunk { stream, bytes }).await;
        }
    }
}
