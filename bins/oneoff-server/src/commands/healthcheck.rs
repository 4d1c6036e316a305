//! `healthcheck`: asks the server that the settings describe whether it is well, for containers and scripts.

use crate::listen;
use crate::settings::Settings;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

/// How long each step may take: connecting, asking, reading.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The answer is short; what is longer is not ours.
const ANSWER_MAX_BYTES: u64 = 16 * 1024;

/// Why the server is not well.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// Port 0 is another one at every start.
    #[error("PORT=0 picks a port at every start: name the port of the server to be asked with PORT=")]
    NoPort,
    /// Nothing answers.
    #[error("no server answers at {url}")]
    Unreachable {
        /// Where.
        url: String,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// It says that it is not well.
    #[error("the server at {url} is not well: {answer}")]
    Unwell {
        /// Where.
        url: String,
        /// The first line of the answer.
        answer: String,
    },
}

/// Asks the server, and answers the URL at which it is well.
///
/// # Errors
/// [`HealthError`].
pub fn run(settings: &Settings) -> Result<String, HealthError> {
    if settings.port == 0 {
        return Err(HealthError::NoPort);
    }
    let url = format!("{}/health", listen::url(settings, settings.port));
    let answer = ask(settings).map_err(|source| HealthError::Unreachable { url: url.clone(), source })?;
    let status_line = answer.lines().next().unwrap_or_default().to_owned();
    match status_line.split(' ').nth(1) {
        Some("200") if status_line.starts_with("HTTP/1.") => Ok(url),
        _ => Err(HealthError::Unwell { url, answer: status_line.chars().take(200).collect() }),
    }
}

fn ask(settings: &Settings) -> std::io::Result<String> {
    let host = listen::reachable_host(&settings.host);
    let mut stream = connect(host.trim_matches(['[', ']']), settings.port)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(
        stream,
        "GET {}/health HTTP/1.1\r\nHost: {host}:{}\r\nUser-Agent: oneoff-server healthcheck\r\nConnection: close\r\n\r\n",
        settings.base_path, settings.port
    )?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX_BYTES).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn connect(host: &str, port: u16) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "the host has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}
