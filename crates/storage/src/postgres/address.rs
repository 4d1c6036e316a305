//! The address of a server's database, which may hold a password.

use std::fmt;

/// A `postgres://` URL. It never shows its password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

/// Why a text is not the address of a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the address of a PostgreSQL database is `postgres://USER:PASSWORD@HOST:PORT/DATABASE`")]
pub struct NotAnAddress;

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

impl DatabaseUrl {
    /// Takes a URL as libpq does (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>).
    ///
    /// # Errors
    /// It is of another scheme.
    pub fn new(url: &str) -> Result<Self, NotAnAddress> {
        let url = url.trim();
        let is_known = SCHEMES.iter().any(|scheme| url.starts_with(scheme));
        if is_known && !url.contains('\0') { Ok(Self(url.to_owned())) } else { Err(NotAnAddress) }
    }

    /// All of it, with its password.
    pub(crate) fn with_password(&self) -> &str {
        &self.0
    }

    /// This and further parameters, unless it has them already.
    pub(crate) fn with_defaults(&self, parameters: &[(&str, &str)]) -> String {
        let mut url = self.0.clone();
        for (name, value) in parameters {
            if url.contains(&format!("{name}=")) {
                continue;
            }
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(name);
            url.push('=');
            url.push_str(value);
        }
        url
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("postgres", ""));
        // A password that was not encoded as it should be reaches further than the authority.
        let is_unclear =
            rest.find(['/', '?']).and_then(|end| rest.get(end..)).is_some_and(|end| end.contains('@'));
        if is_unclear {
            return write!(f, "{scheme}://...");
        }
        // Parameters may name a password, too.
        let rest = rest.split_once('?').map_or(rest, |(address, _parameters)| address);
        let (authority, database) = rest.split_once('/').map_or((rest, ""), |(host, name)| (host, name));
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        let user = user.split_once(':').map_or(user, |(name, _password)| name);
        let at = if user.is_empty() { "" } else { "@" };
        write!(f, "{scheme}://{user}{at}{host}/{database}")
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            ("postgres://me:secret@db:5432/oneoff?sslmode=require", "postgres://me@db:5432/oneoff"),
            ("postgresql://me:se@cret@db/oneoff", "postgresql://me@db/oneoff"),
            ("postgres:///oneoff?host=/run&password=secret", "postgres:///oneoff"),
            ("postgres://db", "postgres://db/"),
            ("postgres://me:sec/ret@db/oneoff", "postgres://..."),
            ("postgres://me:sec?ret@db/oneoff", "postgres://..."),
            ("postgres://me:s@c/r@db/oneoff", "postgres://..."),
            ("postgres:///oneoff?password=s@cret", "postgres://..."),
        ] {
            let url = DatabaseUrl::new(url).unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), shown);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "oneoff.db", "mysql://db/oneoff", "postgres:/db", "postgres://a\0b", "POSTGRES"] {
            assert_eq!(DatabaseUrl::new(text), Err(NotAnAddress), "{text}");
        }
    }

    #[test]
    fn what_a_person_set_is_kept() {
        let defaults = [("connect_timeout", "5"), ("keepalives_idle", "5")];
        let url = |text| DatabaseUrl::new(text).unwrap().with_defaults(&defaults);
        assert_eq!(url("postgres://db/x"), "postgres://db/x?connect_timeout=5&keepalives_idle=5");
        assert_eq!(
            url("postgres://db/x?connect_timeout=9"),
            "postgres://db/x?connect_timeout=9&keepalives_idle=5"
        );
    }
}
