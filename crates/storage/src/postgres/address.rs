//! The address of a server's database, which may hold a password.

use std::fmt;

/// A `postgres://` URL. It never shows its password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

/// Why a text is not the address of a database. It shows nothing of the text, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAddress {
    /// It does not begin as one.
    #[error("the address of a PostgreSQL database is `postgres://USER:PASSWORD@HOST:PORT/DATABASE`")]
    Scheme,
    /// It is longer than any address.
    #[error("it has more than {URL_MAX_BYTES} bytes")]
    TooLong,
    /// It has a line break, a space or the like.
    #[error("it has a space or a control character: write those of a password as %20 and the like")]
    Character,
    /// A `%` that is not followed by two hexadecimal digits.
    #[error("a `%` must be followed by two hexadecimal digits: write that of a password as %25")]
    Percent,
    /// Something else than a number after the host.
    #[error("the port is no number: write `/`, `?` and `@` of a password as %2F, %3F and %40")]
    Port,
    /// What stands after the first slash is no name.
    #[error("the name of the database has a `/` or an `@`: write those of a password as %2F and %40")]
    Database,
    /// A parameter without a value.
    #[error("what follows `?` must be NAME=VALUE, with `&` between: write a `?` of a password as %3F")]
    Parameter,
}

/// More than any address has.
const URL_MAX_BYTES: usize = 4096;
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// The parts of what follows the scheme.
struct Parts<'a> {
    user: &'a str,
    hosts: &'a str,
    database: &'a str,
    parameters: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(rest: &'a str) -> Self {
        let (address, parameters) =
            rest.split_once('?').map_or((rest, None), |(address, parameters)| (address, Some(parameters)));
        let (authority, database) = address.split_once('/').unwrap_or((address, ""));
        let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        Self { user, hosts, database, parameters }
    }

    /// A part of a password that is taken for something else would be shown with it.
    fn check(&self) -> Result<(), NotAnAddress> {
        if !self.hosts.split(',').all(has_port_or_none) {
            return Err(NotAnAddress::Port);
        }
        if self.database.contains(['/', '@']) {
            return Err(NotAnAddress::Database);
        }
        let is_pair = |pair: &str| pair.split_once('=').is_some_and(|(name, _)| !name.is_empty());
        match self.parameters {
            Some(parameters) if !parameters.is_empty() && !parameters.split('&').all(is_pair) => {
                Err(NotAnAddress::Parameter)
            }
            _ => Ok(()),
        }
    }
}

/// A host, or an IPv6 address in brackets, and perhaps a port.
fn has_port_or_none(host: &str) -> bool {
    let after_name = match host.rsplit_once(']') {
        Some((_, rest)) => rest,
        None => host.find(':').map_or("", |colon| host.get(colon..).unwrap_or_default()),
    };
    after_name.is_empty() || after_name.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
}

fn are_escapes_whole(text: &str) -> bool {
    let is_hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
    text.split('%').skip(1).all(|after| is_hex(after.bytes().next()) && is_hex(after.bytes().nth(1)))
}

impl DatabaseUrl {
    /// Takes a URL as libpq does (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>).
    /// What libpq would refuse with a piece of the password in its text is refused here.
    ///
    /// # Errors
    /// It is none, or a character of the password has to be escaped.
    pub fn new(url: &str) -> Result<Self, NotAnAddress> {
        let url = url.trim();
        let rest = SCHEMES.iter().find_map(|scheme| url.strip_prefix(scheme)).ok_or(NotAnAddress::Scheme)?;
        if url.len() > URL_MAX_BYTES {
            return Err(NotAnAddress::TooLong);
        }
        if url.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(NotAnAddress::Character);
        }
        if !are_escapes_whole(rest) {
            return Err(NotAnAddress::Percent);
        }
        Parts::of(rest).check()?;
        Ok(Self(url.to_owned()))
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
        // Parameters may name a password, too.
        let Parts { user, hosts, database, parameters: _ } = Parts::of(rest);
        let user = user.split_once(':').map_or(user, |(name, _password)| name);
        let at = if user.is_empty() { "" } else { "@" };
        write!(f, "{scheme}://{user}{at}{hosts}/{database}")
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
            (
                "postgres://me:a%2Fb%3Fc@[::1]:5432,db2:5433/oneoff?",
                "postgres://me@[::1]:5432,db2:5433/oneoff",
            ),
            ("postgres://me:a#b:c@db", "postgres://me@db/"),
        ] {
            let url = DatabaseUrl::new(url).unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), shown);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("postgres://db/{}", "x".repeat(URL_MAX_BYTES));
        for (text, why) in [
            ("", NotAnAddress::Scheme),
            ("oneoff.db", NotAnAddress::Scheme),
            ("mysql://db/oneoff", NotAnAddress::Scheme),
            ("postgres:/db", NotAnAddress::Scheme),
            ("POSTGRES://db", NotAnAddress::Scheme),
            ("postgres://a\0b", NotAnAddress::Character),
            ("postgres://me:a b@db", NotAnAddress::Character),
            (&long, NotAnAddress::TooLong),
            ("postgres://me:100%@db", NotAnAddress::Percent),
            ("postgres://me:%zz@db", NotAnAddress::Percent),
            ("postgres://db:99999/x", NotAnAddress::Port),
            ("postgres://db:-1/x", NotAnAddress::Port),
            ("postgres://::1/x", NotAnAddress::Port),
            ("postgres://db/x?sslmode", NotAnAddress::Parameter),
            ("postgres://db/x?=require", NotAnAddress::Parameter),
        ] {
            assert_eq!(DatabaseUrl::new(text), Err(why), "{text}");
        }
    }

    #[test]
    fn a_password_that_breaks_the_address_is_refused_instead_of_shown() {
        for (url, why) in [
            ("postgres://me:se/cret@db/oneoff", NotAnAddress::Port),
            ("postgres://me:12/cret@db/oneoff", NotAnAddress::Database),
            ("postgres://me:se?cret@db/oneoff", NotAnAddress::Port),
            ("postgres://me:12?cret@db/oneoff", NotAnAddress::Parameter),
        ] {
            assert_eq!(DatabaseUrl::new(url), Err(why), "{url}");
            assert!(!why.to_string().contains("cret"));
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
