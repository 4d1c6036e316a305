//! A GET of a small answer from the server that was just started. Not an HTTP client for anything else.

use anyhow::{Context as _, Result};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// The status and the body.
pub(crate) fn get(address: SocketAddr, path: &str) -> Result<(u16, String)> {
    get_with(address, path, "")
}

/// The same with more lines in the head, each with its end.
pub(crate) fn get_with(address: SocketAddr, path: &str, headers: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let port = address.port();
    // HTTP/1.0, so that the answer is neither chunked nor followed by another one.
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost:{port}\r\nAccept: */*\r\n{headers}\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    parse(&String::from_utf8_lossy(&answer)).context("the server's answer is not HTTP")
}

fn parse(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{get, parse};
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    #[test]
    fn status_and_body_are_read() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            // A connection that is closed with something unread is reset, and the answer lost.
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello").unwrap();
            String::from_utf8_lossy(&request).into_owned()
        });
        assert_eq!(get(address, "/health").unwrap(), (200, "hello".to_owned()));
        let request = server.join().unwrap();
        assert!(request.starts_with("GET /health HTTP/1.0\r\nHost: localhost:"), "{request}");
        assert_eq!(parse("SSH-2.0-x\r\n\r\n"), None);
    }
}
