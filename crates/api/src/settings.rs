//! What can be set about the API.

use crate::client_address::AddressRange;
use crate::metrics_endpoint::MetricsHandle;
use oneoff_webhooks::Webhooks;
use std::time::Duration;

/// What can be set about the API.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// The path under which everything is served: empty, or `/x/y` without a slash at its end.
    pub base_path: String,
    /// Whether a key is needed. Without keys only this machine is served.
    pub auth_enabled: bool,
    /// Hosts beside loopback to which a server without keys answers: `name` or `name:port`.
    pub allowed_hosts: Vec<String>,
    /// Origins of other sites whose pages may call the API: `https://dash.example.com`.
    pub allowed_origins: Vec<String>,
    /// The URL by which people reach the server, with the base path: `https://jobs.example.com`.
    pub public_url: Option<String>,
    /// Proxies whose word counts about where a request comes from.
    pub trusted_proxies: Vec<AddressRange>,
    /// Whether a server without keys is meant to be reached by others: it answers to addresses other than loopback.
    pub insecure_no_auth: bool,
    /// The name of the installation, shown in the status.
    pub environment: String,
    /// The zone of times that name none.
    pub default_timezone: String,
    /// The version of the server.
    pub version: String,
    /// The commit it was built from.
    pub commit: String,
    /// Connections that are served at the same time; more wait to be accepted.
    pub max_connections: usize,
    /// A request that takes longer, beyond what it asked to wait, is logged as a warning.
    pub slow_request: Duration,
    /// The metrics recorder; without one `/metrics` does not exist.
    pub metrics: Option<MetricsHandle>,
    /// The webhooks; without them their routes do not exist.
    pub webhooks: Option<Webhooks>,
}

impl ApiSettings {
    /// Whether people reach the server by HTTPS.
    pub(crate) fn is_public_https(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }
}
