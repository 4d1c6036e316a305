//! The address policy: which addresses the server may call.

use crate::address::AddressKind;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use url::{Host, Url};

/// Which addresses may be called. The setting is `EGRESS_POLICY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EgressPolicy {
    /// Public, private and loopback addresses; not link-local ones and metadata services.
    #[default]
    Default,
    /// Public addresses only.
    Strict,
    /// No address at all; names are not even looked up.
    Nothing,
}

/// Text that names no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address policy: it must be `default`, `strict` or `none`")]
pub struct UnknownPolicy(pub String);

/// The policy refuses an address or what leads to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the address policy refuses {target}: {why} (EGRESS_POLICY={policy})")]
pub struct AddressRefused {
    /// The host, with the address where a name was resolved.
    pub target: String,
    /// Why.
    pub why: String,
    /// The policy.
    pub policy: EgressPolicy,
}

impl EgressPolicy {
    /// The word that sets it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Strict => "strict",
            Self::Nothing => "none",
        }
    }

    /// Whether an address may be called.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        match AddressKind::of(address) {
            _ if self == Self::Nothing => false,
            AddressKind::Global => true,
            AddressKind::Loopback | AddressKind::Private => self == Self::Default,
            AddressKind::LinkLocal | AddressKind::Metadata | AddressKind::NoHost => false,
        }
    }

    /// Judges a URL as far as it can be without resolving its name: scheme, and an address in place of a name.
    ///
    /// # Errors
    /// [`AddressRefused`] with the reason.
    pub fn check_url(self, url: &Url) -> Result<(), AddressRefused> {
        let refused = |why: String| AddressRefused {
            target: url.host_str().unwrap_or("the URL").to_owned(),
            why,
            policy: self,
        };
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused(format!("the scheme is `{}`, neither http nor https", url.scheme())));
        }
        let address = match url.host() {
            None => return Err(refused("there is no host".to_owned())),
            Some(Host::Domain(_)) => return Ok(()),
            Some(Host::Ipv4(v4)) => IpAddr::V4(v4),
            Some(Host::Ipv6(v6)) => IpAddr::V6(v6),
        };
        match self.allows(address) {
            true => Ok(()),
            false => Err(refused(format!("it is {}", AddressKind::of(address).describe()))),
        }
    }

    /// Judges a name before it is looked up.
    ///
    /// # Errors
    /// [`AddressRefused`] where nothing may be called, whatever the name leads to.
    pub fn check_name(self, name: &str) -> Result<(), AddressRefused> {
        match self {
            Self::Default | Self::Strict => Ok(()),
            Self::Nothing => {
                let why = "nothing may be called".to_owned();
                Err(AddressRefused { target: name.to_owned(), why, policy: self })
            }
        }
    }

    /// Those addresses of a name that may be called.
    ///
    /// # Errors
    /// [`AddressRefused`] when there are addresses and none of them may.
    pub fn allowed_of<A: Copy + Into<IpAddr>>(self, name: &str, all: &[A]) -> Result<Vec<A>, AddressRefused> {
        let allowed: Vec<A> = all.iter().copied().filter(|address| self.allows((*address).into())).collect();
        match all.first() {
            Some(first) if allowed.is_empty() => {
                let first: IpAddr = (*first).into();
                let why = format!("it is {}", AddressKind::of(first).describe());
                Err(AddressRefused { target: format!("{name} ({first})"), why, policy: self })
            }
            _ => Ok(allowed),
        }
    }
}

impl fmt::Display for EgressPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for EgressPolicy {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        match text {
            "default" => Ok(Self::Default),
            "strict" => Ok(Self::Strict),
            "none" => Ok(Self::Nothing),
            _ => Err(UnknownPolicy(text.chars().take(64).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuses(policy: EgressPolicy, url: &str) -> bool {
        policy.check_url(&url.parse().unwrap()).is_err()
    }

    #[test]
    fn however_an_address_is_written_it_is_judged() {
        for url in [
            "http://169.254.169.254/",
            "http://169.254.169.254./",
            "http://2852039166/",
            "http://0xa9fea9fe/",
            "http://0251.0376.0251.0376/",
            "http://0xa9.254.43518/",
            "http://169.254.43518/",
            "http://①⑥⑨.254.169.254/",
            "http://[::ffff:169.254.169.254]/",
            "http://[64:ff9b::169.254.169.254]/",
            "http://user@169.254.169.254/",
            "http://0/",
            "http://[fe80::1]/",
            "ftp://example.com/",
            "file:///etc/passwd",
        ] {
            assert!(refuses(EgressPolicy::Default, url), "{url}");
        }
        for url in [
            "http://127.0.0.1:8080/",
            "http://10.0.0.1/",
            "http://127.1/",
            "https://bücher.example/",
            "http://localhost./",
        ] {
            assert!(!refuses(EgressPolicy::Default, url), "{url}");
        }
        for url in
            ["http://127.0.0.1/", "http://10.0.0.1/", "http://0x7f.1/", "http://[::1]/", "http://[fd00::1]/"]
        {
            assert!(refuses(EgressPolicy::Strict, url), "{url}");
        }
        assert!(!refuses(EgressPolicy::Strict, "https://1.1.1.1/"));
        assert!(refuses(EgressPolicy::Nothing, "https://1.1.1.1/"));
        assert!(!refuses(EgressPolicy::Nothing, "https://example.com/"), "a name is judged by each attempt");
    }

    #[test]
    fn of_a_mixed_answer_only_the_allowed_addresses_remain() {
        let addresses: [IpAddr; 3] =
            ["10.0.0.1", "1.1.1.1", "169.254.169.254"].map(|text| text.parse().unwrap());
        assert_eq!(EgressPolicy::Strict.allowed_of("x", &addresses).unwrap(), addresses[1..2]);
        assert_eq!(EgressPolicy::Default.allowed_of("x", &addresses).unwrap(), addresses[..2]);
        let refused = EgressPolicy::Default.allowed_of("metadata.example", &addresses[2..]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the address policy refuses metadata.example (169.254.169.254): it is a link-local address (EGRESS_POLICY=default)"
        );
    }

    #[test]
    fn where_nothing_may_be_called_no_name_is_looked_up() {
        let refused = EgressPolicy::Nothing.check_name("example.com").unwrap_err().to_string();
        assert_eq!(
            refused,
            "the address policy refuses example.com: nothing may be called (EGRESS_POLICY=none)"
        );
        assert_eq!(EgressPolicy::Strict.check_name("example.com"), Ok(()));
        let address: IpAddr = "1.1.1.1".parse().unwrap();
        assert!(EgressPolicy::Nothing.allowed_of("x", &[address]).is_err());
    }

    #[test]
    fn a_policy_is_one_of_three_words() {
        assert_eq!("none".parse(), Ok(EgressPolicy::Nothing));
        assert_eq!("strict".parse(), Ok(EgressPolicy::Strict));
        assert_eq!("default".parse(), Ok(EgressPolicy::Default));
        for text in ["", "Strict", "nothing", "default "] {
            assert_eq!(text.parse::<EgressPolicy>(), Err(UnknownPolicy(text.to_owned())));
        }
    }
}
