//! What HTTP jobs call: a thread that answers every request at once, and knows what that costs.

use crate::measure::usage::own_threads_cpu_seconds;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const THREAD: &str = "bench-target";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok";

/// A running target; it lasts as long as this program.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    requests: Arc<AtomicU64>,
}

impl Target {
    pub(crate) fn start() -> anyhow::Result<Target> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let target = Target { address: listener.local_addr()?, requests: Arc::default() };
        let requests = target.requests.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                while let Ok((stream, _peer)) = listener.accept().await {
                    tokio::spawn(answer(stream, requests.clone()));
                }
            });
        })?;
        Ok(target)
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn cpu_seconds(&self) -> f64 {
        own_threads_cpu_seconds(THREAD)
    }
}

/// Answers the requests of one connection, which have no body.
async fn answer(mut stream: TcpStream, requests: Arc<AtomicU64>) {
    let mut buffer = Vec::with_capacity(4 * 1024);
    while stream.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {
        if !buffer.ends_with(b"\r\n\r\n") {
            continue;
        }
        buffer.clear();
        requests.fetch_add(1, Ordering::Relaxed);
        if stream.write_all(ANSWER).await.is_err() {
            return;
        }
    }
}
