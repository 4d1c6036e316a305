//! Against web pages: which `Host` a server without keys answers to, and which `Origin` may call it.
//!
//! A page that a person merely visits must not reach a server on the same machine: neither by a form or a
//! script from its own origin, nor by a host name of its own that it points to 127.0.0.1.

use crate::error_table::ErrorCode;
use crate::problem::ApiError;
use actix_web::http::Method;
use std::net::{IpAddr, Ipv4Addr};
use url::Url;

/// What of a request the defence looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visit<'a> {
    /// The method.
    pub(crate) method: &'a Method,
    /// The `Host` header; `None` when there is not exactly one.
    pub(crate) host: Option<&'a str>,
    /// The `Origin` header.
    pub(crate) origin: Option<&'a str>,
    /// The `Sec-Fetch-Site` header.
    pub(crate) fetch_site: Option<&'a str>,
}

/// The rules of this server.
#[derive(Debug, Clone)]
pub(crate) struct Defence {
    demands_loopback: bool,
    answers_to_addresses: bool,
    allowed_hosts: Vec<String>,
    allowed_origins: Vec<String>,
    /// The origin of `PUBLIC_URL`.
    public_origin: Option<String>,
}

impl Defence {
    /// With keys, the key is the defence, and only the origins that get CORS headers matter.
    pub(crate) fn new(auth_enabled: bool, allowed_hosts: &[String], allowed_origins: &[String]) -> Self {
        let origin = |text: &String| parse_origin(text).map_or_else(|| text.clone(), |url| serialized(&url));
        Self {
            demands_loopback: !auth_enabled,
            answers_to_addresses: false,
            public_origin: None,
            allowed_hosts: allowed_hosts.iter().map(|host| host.trim().to_ascii_lowercase()).collect(),
            allowed_origins: allowed_origins.iter().map(origin).collect(),
        }
    }

    /// The same, of a server that people know by this URL.
    pub(crate) fn known_as(mut self, public_url: Option<&str>) -> Self {
        let url = public_url.and_then(parse_origin);
        if let Some(host) = url.as_ref().and_then(|url| url.host_str()) {
            self.allowed_hosts.push(host.to_ascii_lowercase());
        }
        self.public_origin = url.as_ref().map(serialized);
        self
    }

    /// The same, of a server without keys that others are meant to reach: no page can point a bare address elsewhere, so
    /// it answers to those.
    pub(crate) fn answering_to_addresses(mut self, answers: bool) -> Self {
        self.answers_to_addresses = answers;
        self
    }

    /// Refuses what a page of another origin sent by the browser of somebody who is signed in.
    ///
    /// # Errors
    /// A refusal that names the setting.
    pub(crate) fn check_own_page(
        &self,
        host: Option<&str>,
        origin: Option<&str>,
        fetch_site: Option<&str>,
    ) -> Result<(), ApiError> {
        if is_foreign(fetch_site) {
            return Err(refused_origin(origin.unwrap_or("of another site")));
        }
        let Some(origin) = origin else { return Ok(()) };
        let is_own = host.and_then(HostPort::parse).is_some_and(|host| is_same_origin(origin, &host));
        if is_own || self.is_public(origin) { Ok(()) } else { Err(refused_page(origin)) }
    }

    fn is_public(&self, origin: &str) -> bool {
        let origin = parse_origin(origin).as_ref().map(serialized);
        origin.is_some() && origin == self.public_origin
    }

    /// The origin that gets CORS headers, if there is one.
    ///
    /// # Errors
    /// A refusal that names the setting.
    pub(crate) fn check(&self, visit: Visit<'_>) -> Result<Option<String>, ApiError> {
        let allowed = visit.origin.and_then(|origin| self.allowed_origin(origin));
        if !self.demands_loopback {
            return Ok(allowed);
        }
        let host = self.check_host(visit.host)?;
        if allowed.is_some() {
            return Ok(allowed);
        }
        match visit.origin {
            Some(origin) if !is_same_origin(origin, &host) && !self.is_public(origin) => {
                Err(refused_origin(origin))
            }
            None if is_write(visit.method) && is_foreign(visit.fetch_site) => {
                Err(refused_origin("of another site"))
            }
            _ => Ok(None),
        }
    }

    /// Whether any origin gets CORS headers.
    pub(crate) fn has_origins(&self) -> bool {
        !self.allowed_origins.is_empty()
    }

    fn allowed_origin(&self, origin: &str) -> Option<String> {
        let origin = serialized(&parse_origin(origin)?);
        self.allowed_origins.contains(&origin).then_some(origin)
    }

    fn check_host(&self, host: Option<&str>) -> Result<HostPort, ApiError> {
        let given = host.unwrap_or_default();
        let Some(host) = HostPort::parse(given) else {
            return Err(ApiError::new(
                ErrorCode::HostRefused,
                "the request must name its host in one Host header",
            ));
        };
        let is_plain_address = self.answers_to_addresses && host.is_address();
        if host.is_loopback() || is_plain_address || self.allowed_hosts.iter().any(|allowed| host.is(allowed))
        {
            return Ok(host);
        }
        let name = &host.name;
        Err(ApiError::new(
            ErrorCode::HostRefused,
            format!(
                "this server has no API keys and answers only to localhost, not to `{name}`: set \
                 ALLOWED_HOSTS={name} to allow it, or AUTH_ENABLED=true to demand keys instead"
            ),
        ))
    }
}

fn refused_origin(origin: &str) -> ApiError {
    let origin: String = origin.chars().take(128).collect();
    ApiError::new(
        ErrorCode::OriginRefused,
        format!(
            "a web page of another origin (`{origin}`) may not use this server: open the UI under the server's \
             own address, name a reverse proxy's public host in ALLOWED_HOSTS, or set ALLOWED_ORIGINS={origin}"
        ),
    )
}

/// Where a proxy has another name than the server is asked by, the page's origin is not that of the request.
fn refused_page(origin: &str) -> ApiError {
    let origin: String = origin.chars().take(128).collect();
    ApiError::new(
        ErrorCode::OriginRefused,
        format!(
            "a session is only served to pages of this server's own origin, not to `{origin}`: if that is how people \
             reach this server, set PUBLIC_URL={origin}"
        ),
    )
}

fn is_write(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn is_foreign(fetch_site: Option<&str>) -> bool {
    matches!(fetch_site, Some("cross-site" | "same-site"))
}

fn parse_origin(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn serialized(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn is_same_origin(origin: &str, host: &HostPort) -> bool {
    let Some(url) = parse_origin(origin) else { return false };
    let default_port = if url.scheme() == "https" { 443 } else { 80 };
    let same_host = url.host_str().is_some_and(|name| name.eq_ignore_ascii_case(&host.name));
    same_host && url.port_or_known_default() == Some(host.port.unwrap_or(default_port))
}

/// A `Host` header in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct HostPort {
    /// In lower case; an IPv6 address with its brackets.
    name: String,
    port: Option<u16>,
}

impl HostPort {
    fn parse(text: &str) -> Option<Self> {
        let (name, port) = match text.rfind(':') {
            Some(colon) if !text.ends_with(']') => {
                let (name, port) = text.split_at_checked(colon)?;
                (name, Some(port.strip_prefix(':')?.parse().ok()?))
            }
            _ => (text, None),
        };
        let is_bracketed = name.starts_with('[') && name.ends_with(']');
        let is_plain = !name.contains(['[', ']', ':', '/', '@', ' ', ',', '\\']);
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        (!name.is_empty() && (is_bracketed || is_plain)).then_some(Self { name, port })
    }

    fn is_loopback(&self) -> bool {
        let is_address = || self.name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
        self.name == "localhost" || self.name == "[::1]" || is_address()
    }

    fn is_address(&self) -> bool {
        let bracketed = self.name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        bracketed.unwrap_or(&self.name).parse::<IpAddr>().is_ok()
    }

    /// Whether a configured host means this one: a name alone means it with any port.
    fn is(&self, allowed: &str) -> bool {
        HostPort::parse(allowed).is_some_and(|allowed| {
            allowed.name == self.name && (allowed.port.is_none() || allowed.port == self.port)
        })
    }
}

#[cfg(test)]
#[path = "defence_tests.rs"]
mod tests;
