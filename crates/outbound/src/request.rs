//! An outgoing request.

use crate::http::{HeaderMap, Method};
use bytes::Bytes;
use url::Url;

/// An outgoing request.
#[derive(Debug, Clone)]
pub struct OutboundRequest {
    /// The method.
    pub method: Method,
    /// Where to. A user name and a password in it become an `Authorization` header.
    pub url: Url,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; empty is none.
    pub body: Bytes,
    /// How many redirects are followed; 0 answers the redirect itself.
    pub max_redirects: u32,
}

impl OutboundRequest {
    /// A request without headers and body that follows no redirect.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new(), max_redirects: 0 }
    }
}

/// Host and port of a URL, for messages. Never its user name, password, path or query.
pub(crate) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
