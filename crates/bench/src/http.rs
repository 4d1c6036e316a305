//! A small HTTP/1.1 client over one kept connection: its own cost must not hide the server's.

use anyhow::Context as _;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection.
pub(crate) struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, address, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and reads its answer: status and body.
    pub(crate) async fn request(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
    ) -> anyhow::Result<(u16, String)> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len(),
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        let head_bytes = loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            self.read_more().await?;
        };
        let head = String::from_utf8_lossy(self.buffer.get(..head_bytes).unwrap_or_default()).to_lowercase();
        let status = head.split(' ').nth(1).context("no status line")?.parse()?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let body_bytes: usize = length.map_or("0", str::trim).parse()?;
        while self.buffer.len() < head_bytes + body_bytes {
            self.read_more().await?;
        }
        let body = self.buffer.get(head_bytes..head_bytes + body_bytes).unwrap_or_default();
        Ok((status, String::from_utf8_lossy(body).into_owned()))
    }

    async fn read_more(&mut self) -> anyhow::Result<()> {
        let read = self.stream.read_buf(&mut self.buffer).await?;
        anyhow::ensure!(read > 0, "the server closed the connection");
        Ok(())
    }
}
