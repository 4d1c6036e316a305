//! How to reach a server: its address, the key, and how patient to be.

use crate::ClientError;
use std::fmt;
use std::time::Duration;
use url::{Host, Url};

/// An API key. It is sent to the server and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// The key as text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// How long the client waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For a whole answer; the time of a long-poll comes on top.
    pub request: Duration,
    /// For a server that went away in the middle of a wait, before the wait is given up.
    pub reconnect: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(30),
            reconnect: Duration::from_secs(30),
        }
    }
}

/// How to reach a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSettings {
    /// Its address, with the base path if it has one: `https://example.org/oneoff`.
    pub server: Url,
    /// The key, where the server asks for one.
    pub api_key: Option<ApiKey>,
    /// What the client calls itself.
    pub user_agent: String,
    /// How long it waits.
    pub timeouts: Timeouts,
}

impl ClientSettings {
    /// The settings for the server at this address, without a key.
    #[must_use]
    pub fn new(server: Url) -> Self {
        Self {
            server,
            api_key: None,
            user_agent: concat!("oneoff-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            timeouts: Timeouts::default(),
        }
    }

    /// The address below which all routes lie: `{server}/api/`.
    pub(crate) fn api_root(&self) -> Result<Url, ClientError> {
        let invalid = |message: &str| ClientError::Settings { message: message.to_owned() };
        if !matches!(self.server.scheme(), "http" | "https") || self.server.host().is_none() {
            return Err(invalid("the server is an http or https URL, such as http://localhost:8080"));
        }
        if !self.server.username().is_empty() || self.server.password().is_some() {
            return Err(invalid(
                "the server's URL cannot carry a user or password: give the API key instead",
            ));
        }
        let mut root = self.server.clone();
        root.set_query(None);
        root.set_fragment(None);
        let path = format!("{}/api/", root.path().trim_end_matches('/'));
        root.set_path(&path);
        Ok(root)
    }

    /// Whether the server is this machine: then no proxy stands in between.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.server.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ApiKey, ClientSettings};

    fn settings(server: &str) -> ClientSettings {
        ClientSettings::new(server.parse().unwrap())
    }

    #[test]
    fn routes_lie_below_the_base_path_with_or_without_a_slash() {
        for (server, root) in [
            ("http://localhost:8080", "http://localhost:8080/api/"),
            ("https://example.org/oneoff", "https://example.org/oneoff/api/"),
            ("https://example.org/oneoff/?x=1#y", "https://example.org/oneoff/api/"),
        ] {
            assert_eq!(settings(server).api_root().unwrap().as_str(), root);
        }
    }

    #[test]
    fn an_address_that_is_none_or_carries_a_password_is_refused() {
        for server in ["ftp://localhost/", "unix:/run/oneoff", "http://me:secret@localhost/"] {
            let error = settings(server).api_root().unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn debug_output_has_no_key() {
        let mut settings = settings("http://[::1]:1");
        settings.api_key = Some(ApiKey::new("oneoff_secret"));
        assert!(!format!("{settings:?}").contains("secret"));
        assert!(settings.is_loopback());
    }
}
