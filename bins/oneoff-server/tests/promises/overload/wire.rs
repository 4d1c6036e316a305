//! Requests by hand over one connection, as cheap as they can be.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A status, and whether `Retry-After` came with it.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) has_retry_after: bool,
    pub(super) body: String,
}

pub(super) fn head(method: &str, path: &str, address: SocketAddr, body_bytes: usize) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {body_bytes}\r\n\r\n"
    )
}

/// A connection that is kept.
pub(super) struct Wire {
    stream: TcpStream,
    address: SocketAddr,
    buffer: Vec<u8>,
}

impl Wire {
    pub(super) async fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, address, buffer: Vec::new() })
    }

    pub(super) async fn request(&mut self, method: &str, path: &str, body: &str) -> std::io::Result<Answer> {
        let request = head(method, path, self.address, body.len()) + body;
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        let head_bytes = loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            self.read_more().await?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..head_bytes]).to_lowercase();
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let body_bytes: usize = length.map_or(0, |text| text.trim().parse().unwrap());
        while self.buffer.len() < head_bytes + body_bytes {
            self.read_more().await?;
        }
        let body = String::from_utf8_lossy(&self.buffer[head_bytes..]).into_owned();
        Ok(Answer { status, has_retry_after: head.contains("\r\nretry-after: "), body })
    }

    async fn read_more(&mut self) -> std::io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
