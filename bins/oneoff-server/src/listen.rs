//! Takes the port, before anything else is touched.

use crate::settings::{Settings, exposed};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs as _};

/// Connections that may wait to be accepted. The kernel lowers it to its own bound (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// Why the port cannot be had. Every text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Something else has it.
    #[error(
        "port {port} of {host} is in use: stop what uses it, or choose another one with PORT= (0 picks a free one)"
    )]
    PortInUse {
        /// `HOST`.
        host: String,
        /// `PORT`.
        port: u16,
    },
    /// Only root may have it.
    #[error("port {port} needs rights that this user does not have: choose one above 1023 with PORT=")]
    PortReserved {
        /// `PORT`.
        port: u16,
    },
    /// The host has no address, or none of this machine.
    #[error("cannot listen on HOST={host}: give a name or an address of this machine, such as localhost")]
    Host {
        /// `HOST`.
        host: String,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// Others could reach the server, which has no keys.
    #[error("{0}")]
    Exposed(String),
    /// Anything else.
    #[error("cannot listen on port {port} of {host}")]
    Other {
        /// `HOST`.
        host: String,
        /// `PORT`.
        port: u16,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
}

/// Listens on `HOST` and `PORT`, by IPv4 where the host has both.
///
/// # Errors
/// [`ListenError`].
pub fn bind(settings: &Settings) -> Result<TcpListener, ListenError> {
    let (host, port) = (settings.host.clone(), settings.port);
    let unusable = |source| ListenError::Host { host: host.clone(), source };
    let mut addresses: Vec<SocketAddr> = (host.as_str(), port).to_socket_addrs().map_err(unusable)?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    // A name that only looks like this machine must not open it to others.
    if settings.needs_loopback() && !addresses.iter().all(|address| address.ip().is_loopback()) {
        return Err(ListenError::Exposed(exposed(&host)));
    }
    let listener = bind_first(&addresses).map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => ListenError::PortInUse { host: host.clone(), port },
        ErrorKind::PermissionDenied => ListenError::PortReserved { port },
        ErrorKind::AddrNotAvailable => ListenError::Host { host: host.clone(), source },
        _ => ListenError::Other { host: host.clone(), port, source },
    })?;
    // Listening again only raises the backlog: 128, as the standard library has it, loses connections in a rush.
    if let Err(error) = rustix::net::listen(&listener, BACKLOG) {
        tracing::debug!(%error, "the backlog stays at its default");
    }
    Ok(listener)
}

/// Listens on the first address that this machine has. One that is in use ends the search: a server on another
/// address of the same name would be taken for the one that has it.
fn bind_first(addresses: &[SocketAddr]) -> std::io::Result<TcpListener> {
    let mut result = Err(std::io::Error::from(ErrorKind::AddrNotAvailable));
    for address in addresses {
        result = TcpListener::bind(address);
        if !matches!(&result, Err(error) if error.kind() == ErrorKind::AddrNotAvailable) {
            break;
        }
    }
    result
}

/// The URL under which the server is reached from this machine.
#[must_use]
pub fn url(settings: &Settings, port: u16) -> String {
    format!("http://{}:{port}{}", reachable_host(&settings.host), settings.base_path)
}

/// A host to connect to: where the server listens on every address, this machine's own.
#[must_use]
pub fn reachable_host(host: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) if address.is_unspecified() => "localhost".to_owned(),
        Ok(IpAddr::V6(address)) if address.is_unspecified() => "[::1]".to_owned(),
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Sources;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let flags = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::load(&Sources { flags, ..Sources::default() }).unwrap()
    }

    #[test]
    fn a_busy_port_is_named_with_what_to_do() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port().to_string();
        let error = bind(&settings(&[("PORT", &port), ("HOST", "127.0.0.1")])).unwrap_err().to_string();
        assert!(error.contains(&port) && error.contains("PORT="), "{error}");
    }

    #[test]
    fn a_name_does_not_fall_back_to_its_other_address_when_the_first_is_in_use() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port().to_string();
        let error = bind(&settings(&[("PORT", &port), ("HOST", "localhost")])).unwrap_err().to_string();
        assert!(error.contains("is in use"), "{error}");
    }

    #[test]
    fn a_host_that_is_not_of_this_machine_is_named() {
        let foreign = settings(&[("HOST", "192.0.2.1"), ("PORT", "0"), ("AUTH_ENABLED", "true")]);
        let error = bind(&foreign).unwrap_err().to_string();
        assert!(error.contains("HOST=192.0.2.1"), "{error}");
    }

    #[test]
    fn a_url_can_be_opened_from_this_machine() {
        let auth = ("AUTH_ENABLED", "true");
        assert_eq!(url(&settings(&[("HOST", "0.0.0.0"), auth]), 1), "http://localhost:1");
        assert_eq!(url(&settings(&[("HOST", "::"), auth]), 1), "http://[::1]:1");
        assert_eq!(url(&settings(&[("HOST", "[::1]"), ("BASE_PATH", "/x/")]), 1), "http://[::1]:1/x");
    }
}
