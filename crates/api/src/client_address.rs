//! Where a request comes from: the address and the scheme of the client. What a proxy says of them counts only when the
//! proxy is trusted, as anybody can send such a header.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{HttpMessage, HttpRequest};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// Proxies that a request may have come through; what is said of more is not looked at.
const HOPS_MAX: usize = 32;

/// An address, or a range of them: `10.0.0.1`, `10.0.0.0/8`, `fd00::/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    address: IpAddr,
    prefix_bits: u8,
}

/// Text that is no range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address or a range such as 10.0.0.0/8")]
pub struct NoAddressRange;

impl FromStr for AddressRange {
    type Err = NoAddressRange;

    fn from_str(text: &str) -> Result<Self, NoAddressRange> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_no_address| NoAddressRange)?;
        let most = width(address);
        let prefix_bits = match bits {
            None => most,
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().ok().filter(|bits| *bits <= most).ok_or(NoAddressRange)?
            }
            Some(_) => return Err(NoAddressRange),
        };
        Ok(Self { address, prefix_bits })
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix_bits == width(self.address) {
            true => write!(f, "{}", self.address),
            false => write!(f, "{}/{}", self.address, self.prefix_bits),
        }
    }
}

impl AddressRange {
    /// Whether the address lies in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let most = width(self.address);
        let shift = u32::from(most.saturating_sub(self.prefix_bits));
        let beginning = |address| number(address).checked_shr(shift).unwrap_or(0);
        width(address) == most && beginning(address) == beginning(self.address)
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// The client of a request, kept with the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Client {
    /// Its address, where it is known.
    pub(crate) address: Option<IpAddr>,
    /// Whether it came by HTTPS, as far as a trusted proxy says so.
    pub(crate) is_https: bool,
    /// Whether a proxy that is not trusted spoke for somebody else.
    pub(crate) has_untrusted_claim: bool,
}

impl Client {
    /// The client of a request that came from this peer.
    pub(crate) fn of(peer: Option<SocketAddr>, headers: &HeaderMap, trusted: &[AddressRange]) -> Self {
        let Some(peer) = peer.map(|peer| peer.ip().to_canonical()) else { return Self::default() };
        let is_trusted = |address: IpAddr| trusted.iter().any(|range| range.contains(address));
        if !is_trusted(peer) {
            let has_untrusted_claim = headers.contains_key(X_FORWARDED_FOR);
            return Self { address: Some(peer), is_https: false, has_untrusted_claim };
        }
        let mut address = peer;
        // Each proxy appends whom it heard of; only what trusted ones say is believed.
        let claims = headers.get_all(X_FORWARDED_FOR).filter_map(|value| value.to_str().ok());
        let claims: Vec<&str> = claims.flat_map(|value| value.split(',')).collect();
        for claim in claims.iter().rev().take(HOPS_MAX) {
            let Some(before) = claimed_address(claim) else { break };
            address = before;
            if !is_trusted(before) {
                break;
            }
        }
        let scheme = headers.get_all(X_FORWARDED_PROTO).last().and_then(|value| value.to_str().ok());
        let scheme = scheme.and_then(|value| value.rsplit(',').next()).unwrap_or_default().trim();
        let is_https = scheme.eq_ignore_ascii_case("https");
        Self { address: Some(address), is_https, has_untrusted_claim: false }
    }

    /// Looks at a request, and keeps the client with it.
    pub(crate) fn note(request: &ServiceRequest, trusted: &[AddressRange]) -> Self {
        let client = Self::of(request.peer_addr(), request.headers(), trusted);
        request.extensions_mut().insert(client);
        client
    }

    /// The client that the outermost layer found.
    pub(crate) fn of_request(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().copied().unwrap_or_default()
    }

    /// Its address as text.
    pub(crate) fn address_of(request: &HttpRequest) -> Option<String> {
        Self::of_request(request).address.map(|address| address.to_string())
    }
}

/// Whether the log says already that a proxy is not trusted.
#[derive(Debug, Default)]
pub(crate) struct UntrustedProxies(AtomicBool);

impl UntrustedProxies {
    /// Says once what to set, in case it is a proxy of one's own.
    pub(crate) fn note(&self, client: &Client) {
        let Some(address) = client.address.filter(|_| client.has_untrusted_claim) else { return };
        if !self.0.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "a request from {address} says that it comes from somewhere else (X-Forwarded-For), which is not believed: \
                 if that is your reverse proxy, set TRUSTED_PROXIES={address}"
            );
        }
    }
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`.
fn claimed_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    address.or_else(bracketed).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn ranges(texts: &[&str]) -> Vec<AddressRange> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn client(peer: &str, forwarded: &[(HeaderName, &str)], trusted: &[&str]) -> Client {
        let mut headers = HeaderMap::new();
        for (name, value) in forwarded {
            headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        Client::of(Some(format!("{peer}:4711").parse().unwrap()), &headers, &ranges(trusted))
    }

    #[test]
    fn a_range_holds_what_begins_as_it_does() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.255.1.2", "11.0.0.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("0.0.0.0/0", "203.0.113.9", "::1"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("::1", "::1", "::2"),
        ] {
            let parsed: AddressRange = range.parse().unwrap();
            assert!(parsed.contains(inside.parse().unwrap()), "{range} {inside}");
            assert!(!parsed.contains(outside.parse().unwrap()), "{range} {outside}");
            assert_eq!(parsed.to_string(), range);
        }
        for bad in ["", "x", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/", "10.0.0/8", "::/129"] {
            assert!(bad.parse::<AddressRange>().is_err(), "{bad}");
        }
    }

    #[test]
    fn nobody_is_believed_who_is_not_trusted() {
        let claims = [(X_FORWARDED_FOR, "203.0.113.9"), (X_FORWARDED_PROTO, "https")];
        let seen = client("198.51.100.1", &claims, &["10.0.0.0/8"]);
        let address = Some("198.51.100.1".parse().unwrap());
        assert_eq!(seen, Client { address, is_https: false, has_untrusted_claim: true });
        assert!(!client("198.51.100.1", &[], &[]).has_untrusted_claim);
    }

    #[test]
    fn the_last_address_that_no_trusted_proxy_has_is_the_client() {
        for (claims, expected) in [
            (&["203.0.113.9"][..], "203.0.113.9"),
            (&["1.1.1.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            (&["1.1.1.1", "203.0.113.9:99"], "203.0.113.9"),
            (&["[2001:db8::1]:5"], "2001:db8::1"),
            (&["::ffff:203.0.113.9"], "203.0.113.9"),
            (&["unknown"], "10.0.0.1"),
            (&["203.0.113.9, garbage"], "10.0.0.1"),
            (&["10.0.0.3"], "10.0.0.3"),
            (&[], "10.0.0.1"),
        ] {
            let claims: Vec<_> = claims.iter().map(|claim| (X_FORWARDED_FOR, *claim)).collect();
            let seen = client("10.0.0.1", &claims, &["10.0.0.0/8"]);
            assert_eq!(seen.address, Some(expected.parse().unwrap()), "{claims:?}");
        }
        let https = [(X_FORWARDED_PROTO, "http, HTTPS")];
        assert!(client("10.0.0.1", &https, &["10.0.0.0/8"]).is_https);
    }
}
