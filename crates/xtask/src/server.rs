//! The server as `run` and `dev` start it: where it will listen, whether it can, and when it answers.

use crate::http;
use crate::process::Background;
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs as _};
use std::process::Command;
use std::sync::mpsc::Receiver;
use std::time::Duration;

const PORT_DEFAULT: u16 = 8080;
const HOST_DEFAULT: &str = "localhost";

/// Where the server will listen, as the environment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    host: String,
    port: u16,
    base_path: String,
}

impl Address {
    /// From the environment that the server will get too.
    pub(crate) fn from_environment() -> Result<Self> {
        let port = match setting("PORT") {
            None => PORT_DEFAULT,
            Some(text) => match text.parse() {
                Ok(0) | Err(_) => bail!("PORT is `{text}`: a number from 1 to 65535 is needed"),
                Ok(port) => port,
            },
        };
        let base_path = setting("BASE_PATH").unwrap_or_default();
        Ok(Self {
            host: setting("HOST").unwrap_or_else(|| HOST_DEFAULT.to_owned()),
            port,
            base_path: base_path.trim_end_matches('/').to_owned(),
        })
    }

    #[cfg(test)]
    pub(crate) fn new(host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port, base_path: String::new() }
    }

    /// Has a server that is started listen here, whatever its config file says.
    pub(crate) fn apply(&self, server: &mut Command) {
        server.env("ONEOFF_HOST", &self.host);
        server.env("ONEOFF_PORT", self.port.to_string());
        server.env("ONEOFF_BASE_PATH", &self.base_path);
    }

    /// Whether the CLI finds the server without being told.
    pub(crate) fn is_default(&self) -> bool {
        self.url() == format!("http://localhost:{PORT_DEFAULT}")
    }

    /// What to open in a browser on this machine.
    pub(crate) fn url(&self) -> String {
        let host = match self.host.parse::<IpAddr>() {
            Ok(ip) if ip.is_loopback() || ip.is_unspecified() => "localhost".to_owned(),
            Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
            _ => self.host.clone(),
        };
        format!("http://{host}:{}{}", self.port, self.base_path)
    }

    /// Fails when something listens there already, and names a port that is free.
    pub(crate) fn require_free(&self, task: &str) -> Result<()> {
        let address = self.address()?;
        let error = match TcpListener::bind(address) {
            Ok(_free) => return Ok(()),
            Err(error) => error,
        };
        if error.kind() != std::io::ErrorKind::AddrInUse {
            return Err(error).with_context(|| format!("cannot listen on {address}"));
        }
        let is_free = |port: &u16| TcpListener::bind(SocketAddr::new(address.ip(), *port)).is_ok();
        let free = (self.port..=u16::MAX).skip(1).take(100).find(is_free);
        bail!(
            "port {} is in use: stop what listens there, or take another one:\n  PORT={} cargo xtask {task}",
            self.port,
            free.unwrap_or(PORT_DEFAULT + 1),
        )
    }

    /// Waits until the server answers; `None` if it has ended before it did. An interrupt is passed on.
    pub(crate) fn wait_until_ready(
        &self,
        server: &mut Background,
        interrupts: &Receiver<()>,
    ) -> Result<Option<SystemStatus>> {
        while server.ended()?.is_none() {
            if self.get("/health").is_ok_and(|(status, _)| status == 200) {
                return Ok(Some(self.status()));
            }
            if interrupts.recv_timeout(Duration::from_millis(50)).is_ok() {
                server.ask_to_stop()?;
            }
        }
        Ok(None)
    }

    fn status(&self) -> SystemStatus {
        match self.get("/api/system/status") {
            Ok((200, body)) => SystemStatus::parse(&body),
            _ => SystemStatus::default(),
        }
    }

    fn get(&self, path: &str) -> Result<(u16, String)> {
        http::get(self.connect_to()?, &format!("{}{path}", self.base_path))
    }

    fn connect_to(&self) -> Result<SocketAddr> {
        let mut address = self.address()?;
        if address.ip().is_unspecified() {
            let v6 = address.is_ipv6();
            address.set_ip(if v6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() });
        }
        Ok(address)
    }

    /// The address that the server takes: by IPv4 where the host has both.
    fn address(&self) -> Result<SocketAddr> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let mut addresses: Vec<_> = (host, self.port)
            .to_socket_addrs()
            .with_context(|| format!("HOST is `{}`: a name or address of this machine is needed", self.host))?
            .collect();
        addresses.sort_by_key(SocketAddr::is_ipv6);
        addresses.into_iter().next().with_context(|| format!("HOST is `{}`: it has no address", self.host))
    }
}

/// A setting, plain or with the product's prefix, which wins as it does in the server.
fn setting(name: &str) -> Option<String> {
    let value = std::env::var_os(format!("ONEOFF_{name}")).or_else(|| std::env::var_os(name))?;
    Some(value.to_string_lossy().trim().to_owned()).filter(|value| !value.is_empty())
}

/// What the server says of itself; `None` where it does not say, as with authentication.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SystemStatus {
    pub(crate) database: Option<String>,
    pub(crate) jobs: Option<u64>,
}

impl SystemStatus {
    fn parse(body: &str) -> Self {
        let answer: Value = serde_json::from_str(body).unwrap_or_default();
        let data = answer.get("data");
        let text = |name| data?.get(name)?.as_str().map(str::to_owned);
        let jobs = data.and_then(|data| data.get("jobs")?.as_object());
        Self {
            database: text("database"),
            jobs: jobs.map(|jobs| jobs.values().filter_map(Value::as_u64).sum()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, SystemStatus};
    use std::net::TcpListener;

    #[test]
    fn a_busy_port_names_the_way_out() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let message = Address::new("127.0.0.1", port).require_free("run").unwrap_err().to_string();
        assert!(message.contains(&format!("port {port} is in use")), "{message}");
        assert!(message.contains("PORT=") && message.contains("cargo xtask run"), "{message}");
        drop(listener);
        Address::new("127.0.0.1", port).require_free("run").unwrap();
    }

    #[test]
    fn the_url_can_be_opened_on_this_machine() {
        assert_eq!(Address::new("127.0.0.1", 8080).url(), "http://localhost:8080");
        assert_eq!(Address::new("0.0.0.0", 80).url(), "http://localhost:80");
        assert_eq!(Address::new("::", 80).url(), "http://localhost:80");
        assert_eq!(Address::new("fd00::1", 80).url(), "http://[fd00::1]:80");
        assert_eq!(Address::new("box", 80).url(), "http://box:80");
        assert_eq!(Address::new("0.0.0.0", 80).connect_to().unwrap().to_string(), "127.0.0.1:80");
    }

    #[test]
    fn the_jobs_of_every_status_are_counted() {
        let body = r#"{"data":{"database":"/x/oneoff.db","jobs":{"scheduled":3,"completed":4}}}"#;
        let status = SystemStatus::parse(body);
        assert_eq!(status, SystemStatus { database: Some("/x/oneoff.db".to_owned()), jobs: Some(7) });
        assert_eq!(SystemStatus::parse("nonsense"), SystemStatus::default());
    }
}
