//! Moves what a process writes into the output while it runs, in chunks of at most 32 KiB, as fast as the
//! collector takes them.

use crate::OutputWriter;
use bytes::{Bytes, BytesMut};
use oneoff_domain::OutputStream;
use std::io;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::watch;

const CHUNK_MAX_BYTES: usize = 32 * 1024;
/// Chunks up to this size are copied, so that a short line does not hold a whole buffer.
const COPY_MAX_BYTES: usize = 4 * 1024;
/// What is read at most once nobody is left who may write; more than a pipe holds.
const DRAIN_MAX_BYTES: usize = 1024 * 1024;

/// Reads a pipe to its end. Once `draining` is true, what is in the pipe is all that is waited for.
pub(super) async fn pump(
    pipe: Receiver,
    stream: OutputStream,
    output: OutputWriter,
    mut draining: watch::Receiver<bool>,
) {
    let mut buffer = BytesMut::new();
    let mut drained_bytes = 0;
    loop {
        if buffer.capacity() < CHUNK_MAX_BYTES {
            buffer.reserve(CHUNK_MAX_BYTES);
        }
        let is_draining = *draining.borrow();
        let result = if is_draining { read_now(&pipe, &mut buffer) } else { read(&pipe, &mut buffer) };
        match result {
            Ok(0) => return,
            Ok(count) => {
                output.write(stream, chunk(&mut buffer)).await;
                drained_bytes += if is_draining { count } else { 0 };
                if drained_bytes > DRAIN_MAX_BYTES {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // A process that waits holds no buffer.
                buffer = BytesMut::new();
                if is_draining || !wait(&pipe, &mut draining).await {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

fn read(pipe: &Receiver, buffer: &mut BytesMut) -> io::Result<usize> {
    let mut limited = bytes::BufMut::limit(buffer, CHUNK_MAX_BYTES);
    pipe.try_read_buf(&mut limited)
}

/// Reads what is in the pipe, whether or not the runtime has been told of it yet: a runtime that is busy may be
/// told only after the writer is long gone.
fn read_now(pipe: &Receiver, buffer: &mut BytesMut) -> io::Result<usize> {
    let mut bytes = vec![0; CHUNK_MAX_BYTES];
    let count = rustix::io::read(pipe, bytes.as_mut_slice())?;
    buffer.extend_from_slice(bytes.get(..count).unwrap_or_default());
    Ok(count)
}

fn chunk(buffer: &mut BytesMut) -> Bytes {
    if buffer.len() > COPY_MAX_BYTES {
        return buffer.split().freeze();
    }
    let copy = Bytes::copy_from_slice(buffer);
    buffer.clear();
    copy
}

/// Waits until there may be something to read; `false` if reading will never be possible.
async fn wait(pipe: &Receiver, draining: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        ready = pipe.readable() => ready.is_ok(),
        changed = draining.changed() => changed.is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::fd::OwnedFd;

    #[tokio::test]
    async fn last_words_are_read_although_the_runtime_was_not_told_of_them() {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"last words").unwrap();
        let pipe = Receiver::from_owned_fd(OwnedFd::from(reader)).unwrap();
        let (output, mut written) = OutputWriter::channel(4);
        let (_drain, draining) = watch::channel(true);
        pump(pipe, OutputStream::Stdout, output, draining).await;
        let chunk = written.recv().await.expect("nothing was read");
        assert_eq!(chunk.bytes.as_ref(), b"last words");
    }
}
