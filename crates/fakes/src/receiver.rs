//! A receiver of HTTP requests on loopback that does as it is told with each, and remembers all of them.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its place among everything that happened here.
    pub arrived: u64,
    /// The place of its answer, if that was a success.
    pub acknowledged: Option<u64>,
    /// Method and path: `POST /x`.
    pub line: String,
    /// Headers by their names in lower case.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Received {
    /// A header; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What is done with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It is answered with this status.
    Status(u16),
    /// The same, with headers (each with its line end) and a body.
    With(u16, String, String),
    /// It is answered with this status, and a body of which nothing comes for so long.
    Stall(u16, Duration),
    /// Nothing comes for so long, and then the connection ends.
    Hang(Duration),
    /// The connection ends at once.
    Close,
}

type Behave = dyn Fn(&Received) -> Reply + Send + Sync;

struct Shared {
    behave: Box<Behave>,
    happened: AtomicU64,
    received: Mutex<Vec<Received>>,
}

impl Shared {
    fn next(&self) -> u64 {
        self.happened.fetch_add(1, Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Received>> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The receiver. Its threads end with the process.
#[derive(Clone)]
pub struct FakeReceiver {
    url: String,
    shared: Arc<Shared>,
}

impl FakeReceiver {
    /// Starts one that does this with each request.
    ///
    /// # Errors
    /// No port is free.
    pub fn start(behave: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            behave: Box::new(behave),
            happened: AtomicU64::new(0),
            received: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                std::thread::spawn(move || drop(serve(&shared, stream)));
            }
        });
        Ok(Self { url, shared })
    }

    /// Its address, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Everything that has arrived, in order.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        let mut received = self.shared.lock().clone();
        received.sort_by_key(|request| request.arrived);
        received
    }
}

fn serve(shared: &Shared, mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = read(&stream)?;
    request.arrived = shared.next();
    let reply = (shared.behave)(&request);
    let (status, headers, body) = match reply {
        Reply::Status(status) => (status, String::new(), String::new()),
        Reply::With(status, headers, body) => (status, headers, body),
        Reply::Stall(status, time) => {
            request.acknowledged = (200..300).contains(&status).then(|| shared.next());
            shared.lock().push(request);
            write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 9\r\n\r\n")?;
            stream.flush()?;
            std::thread::park_timeout(time);
            return Ok(());
        }
        Reply::Hang(time) => {
            shared.lock().push(request);
            std::thread::park_timeout(time);
            return Ok(());
        }
        Reply::Close => {
            shared.lock().push(request);
            return Ok(());
        }
    };
    // Noted before it is sent: whoever has read the answer comes later.
    request.acknowledged = (200..300).contains(&status).then(|| shared.next());
    shared.lock().push(request);
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )?;
    stream.flush()
}

fn read(stream: &TcpStream) -> std::io::Result<Received> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let mut headers = HashMap::new();
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 {
            // The sender died before it had sent all of it: that is no request.
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':') {
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Received { arrived: 0, acknowledged: None, line, headers, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_is_cut_is_none() {
        let receiver = FakeReceiver::start(|_request| Reply::Status(200)).unwrap();
        let address = receiver.url().trim_start_matches("http://").to_owned();
        let send = |text: &str| {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        for cut in [
            "POST /x HTTP/1.1\r\n",
            "POST /x HTTP/1.1\r\na: b\r\n",
            "POST /x HTTP/1.1\r\nContent-Length: 2\r\n\r\n{",
        ] {
            assert_eq!(send(cut), "", "{cut}");
        }
        assert!(send("POST /x HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}").starts_with("HTTP/1.1 200"));
        assert_eq!(receiver.received().len(), 1);
    }
}
