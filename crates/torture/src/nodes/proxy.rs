//! The way of one node to the database: a proxy that can be cut, or fall silent as a network does that loses everything.

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const BUFFER_BYTES: usize = 16 * 1024;

/// What the way does with what is sent on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It arrives.
    Open,
    /// It arrives when the way is open again. Nobody is told.
    Silent,
    /// All connections are cut, and there are no new ones.
    Cut,
}

/// A proxy before the server.
pub(super) struct Proxy {
    port: u16,
    way: watch::Sender<Way>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Before the server on this port of this machine.
    pub(super) async fn before(upstream: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port for a proxy")?;
        let port = listener.local_addr()?.port();
        let (way, is) = watch::channel(Way::Open);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *is.borrow() != Way::Cut {
                    tokio::spawn(relay(client, upstream, is.clone()));
                }
            }
        });
        Ok(Self { port, way, accepting })
    }

    /// Where it listens.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// What becomes of all connections from now on.
    pub(super) fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.way.send_replace(Way::Cut);
    }
}

/// Both ends are closed when one of them is, or the way is cut.
async fn relay(client: TcpStream, upstream: u16, way: watch::Receiver<Way>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", upstream)).await else { return };
    let _without_delay = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        () = pass_on(from_client, to_server, way.clone()) => {}
        () = pass_on(from_server, to_client, way) => {}
    }
}

async fn pass_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: watch::Receiver<Way>) {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut cut = way.clone();
    let pass = async {
        while let Ok(count) = from.read(&mut buffer).await {
            let is_open = way.wait_for(|way| *way == Way::Open).await.is_ok();
            let Some(bytes) = buffer.get(..count).filter(|bytes| is_open && !bytes.is_empty()) else {
                return;
            };
            if to.write_all(bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = pass => {}
        _cut_or_gone = async { drop(cut.wait_for(|way| *way == Way::Cut).await) } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn echo() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.into_split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        port
    }

    async fn echoes(stream: &mut TcpStream) -> bool {
        let mut byte = [0];
        stream.write_all(b"x").await.is_ok() && stream.read_exact(&mut byte).await.is_ok()
    }

    #[tokio::test]
    async fn a_way_is_open_silent_or_cut() {
        let proxy = Proxy::before(echo().await).await.unwrap();
        let connect = || TcpStream::connect(("127.0.0.1", proxy.port()));
        let mut stream = connect().await.unwrap();
        assert!(echoes(&mut stream).await);
        proxy.set(Way::Silent);
        stream.write_all(b"late").await.unwrap();
        let mut late = [0; 4];
        let unheard = tokio::time::timeout(Duration::from_millis(100), stream.read_exact(&mut late)).await;
        assert!(unheard.is_err(), "it came through the silence");
        proxy.set(Way::Open);
        stream.read_exact(&mut late).await.unwrap();
        assert_eq!(&late, b"late", "what was sent into the silence arrives after it");
        proxy.set(Way::Cut);
        assert!(!echoes(&mut stream).await);
        let mut refused = connect().await.unwrap();
        assert!(!echoes(&mut refused).await);
        proxy.set(Way::Open);
        assert!(echoes(&mut connect().await.unwrap()).await);
    }
}
