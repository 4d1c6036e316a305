//! A small HTTP/1.1 client over one kept connection: its own cost must not hide the server's.

use anyhow::Context as _;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const HEAD_END: &[u8] = b"\r\n\r\n";
const CONTENT_LENGTH: &str = "content-length";

/// One connection.
pub(crate) struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    buffer: Vec<u8>,
    body_begins: usize,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, address, buffer: Vec::with_capacity(64 * 1024), body_begins: 0 })
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
        let status = self.exchange(request.as_bytes()).await?;
        Ok((status, self.body()))
    }

    /// Sends a whole request and reads its answer; [`Self::body`] has what came after the head.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head_bytes = loop {
            let head_end = self.buffer.windows(HEAD_END.len()).position(|window| window == HEAD_END);
            if let Some(end) = head_end {
                break end + HEAD_END.len();
            }
            self.read_more().await?;
        };
        let head = self.buffer.get(..head_bytes).unwrap_or_default();
        let (status, body_bytes) = read_head(std::str::from_utf8(head)?)?;
        while self.buffer.len() < head_bytes + body_bytes {
            self.read_more().await?;
        }
        self.body_begins = head_bytes;
        Ok(status)
    }

    /// The body of the last answer.
    pub(crate) fn body(&self) -> String {
        String::from_utf8_lossy(self.buffer.get(self.body_begins..).unwrap_or_default()).into_owned()
    }

    /// The document at a path; anything but a success is an error.
    pub(crate) async fn get(&mut self, path: &str) -> anyhow::Result<Value> {
        let (status, body) = self.request("GET", path, "").await?;
        anyhow::ensure!(status == 200, "GET {path} answers {status}: {body}");
        Ok(serde_json::from_str(&body)?)
    }

    async fn read_more(&mut self) -> anyhow::Result<()> {
        let read = self.stream.read_buf(&mut self.buffer).await?;
        anyhow::ensure!(read > 0, "the server closed the connection");
        Ok(())
    }
}

/// Status and length of the body.
fn read_head(head: &str) -> anyhow::Result<(u16, usize)> {
    let status = head.split(' ').nth(1).context("no status line")?.parse()?;
    let headers = head.lines().filter_map(|line| line.split_once(':'));
    let length = headers.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(CONTENT_LENGTH));
    Ok((status, length.map_or(Ok(0), |(_, value)| value.trim().parse())?))
}

/// A text in an answer.
pub(crate) fn text(answer: &Value, pointer: &str) -> anyhow::Result<String> {
    let text = answer.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| anyhow::anyhow!("no {pointer} in {answer}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_status_and_length() {
        let head = "HTTP/1.1 201 Created\r\nlocation: /x\r\nContent-Length: 17\r\n\r\n";
        assert_eq!(read_head(head).unwrap(), (201, 17));
        assert_eq!(read_head("HTTP/1.1 204 No Content\r\n\r\n").unwrap(), (204, 0));
        assert!(read_head("\r\n\r\n").is_err());
        assert!(read_head("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n").is_err());
    }
}
