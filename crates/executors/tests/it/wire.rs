//! Servers that behave as no library's does: they answer byte by byte, late, or not at all.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

/// What a server on the wire does with a connection, after it has read the head of a request.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    /// Sent at once.
    pub(crate) answer: String,
    /// Whether the connection stays open after that.
    pub(crate) holds: bool,
}

/// A server on the wire.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    /// The heads of the requests it got.
    pub(crate) requests: mpsc::UnboundedReceiver<String>,
    /// Fires when a client has closed a connection that was held.
    pub(crate) closed: mpsc::UnboundedReceiver<()>,
    _stop: oneshot::Sender<()>,
}

impl Wire {
    /// Listens on loopback.
    pub(crate) async fn start(script: Script) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (request, requests) = mpsc::unbounded_channel();
        let (close, closed) = mpsc::unbounded_channel();
        let (stop, mut stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = &mut stopped => return,
                    accepted = listener.accept() => {
                        let (stream, _) = accepted.unwrap();
                        tokio::spawn(serve(stream, script.clone(), request.clone(), close.clone()));
                    }
                }
            }
        });
        Wire { address, requests, closed, _stop: stop }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

async fn serve(
    mut stream: TcpStream,
    script: Script,
    request: mpsc::UnboundedSender<String>,
    closed: mpsc::UnboundedSender<()>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let _test_is_over = request.send(String::from_utf8_lossy(&head).into_owned());
    stream.write_all(script.answer.as_bytes()).await.unwrap();
    if script.holds {
        let mut rest = Vec::new();
        let _closed_or_reset = stream.read_to_end(&mut rest).await;
        let _test_is_over = closed.send(());
    }
}
