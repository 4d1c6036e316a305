//! The parameters of a connection as libpq takes them from a URL and its environment, for a client that is not libpq.

use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;
use tokio_postgres::Config;

/// Those that the client understands as libpq does.
const PASSED_ON: [&str; 18] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslnegotiation",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// Those that are read where TLS is set up, or that change nothing here.
const TAKEN: [&str; 14] = [
    "client_encoding",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "krbsrvname",
    "max_protocol_version",
    "min_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcompression",
    "sslkey",
    "sslmode",
    "sslrootcert",
];

/// Variables of the environment, which libpq takes where the URL says nothing.
const VARIABLES: [(&str, &str); 14] = [
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGDATABASE", "dbname"),
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGOPTIONS", "options"),
    ("PGPASSWORD", "password"),
    ("PGPORT", "port"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLNEGOTIATION", "sslnegotiation"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGUSER", "user"),
];

/// Where libpq as it is linked here looks for a server that nobody named.
const SOCKETS: &str = "/tmp";

/// Why the parameters of a connection cannot be used. None of their values is shown: they may be secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum ParametersError {
    /// Not as a URL is.
    #[error("the address of the database cannot be read: {0}")]
    Unreadable(&'static str),
    /// Nothing here does what it asks for.
    #[error("the parameter `{0}` of the database's address is not supported for hearing other nodes")]
    Unsupported(String),
    /// What the client does not understand.
    #[error("the address of the database cannot be used")]
    Client(#[source] tokio_postgres::Error),
}

/// Parameters by name.
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Those of a URL; where it says nothing, the defaults and then the environment's.
    pub(super) fn of(
        url: &str,
        defaults: &[(&str, &str)],
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ParametersError> {
        let mut all = read(url)?;
        for (name, value) in defaults {
            all.entry((*name).to_owned()).or_insert_with(|| (*value).to_owned());
        }
        for (variable, name) in VARIABLES {
            if let Some(value) = environment(variable) {
                all.entry(name.to_owned()).or_insert(value);
            }
        }
        all.retain(|_name, value| !value.is_empty());
        if let Some(count) = all.remove("keepalives_count") {
            all.insert("keepalives_retries".to_owned(), count);
        }
        if all.get("target_session_attrs").is_some_and(|wanted| wanted == "primary") {
            all.insert("target_session_attrs".to_owned(), "read-write".to_owned());
        }
        if !all.contains_key("host") {
            let address = all.get("hostaddr").cloned();
            all.insert("host".to_owned(), address.unwrap_or_else(|| SOCKETS.to_owned()));
        }
        Ok(Self(all))
    }

    /// The value of one that is set.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether the server is on this machine, reached by its socket. Nothing is encrypted there.
    pub(super) fn has_only_sockets(&self) -> bool {
        self.get("host").is_some_and(|hosts| hosts.split(',').all(|host| host.starts_with('/')))
    }

    /// What the client is told of them: all but TLS.
    pub(super) fn config(&self) -> Result<Config, ParametersError> {
        let mut text = String::new();
        for (name, value) in &self.0 {
            if PASSED_ON.contains(&name.as_str()) {
                let value = value.replace('\\', "\\\\").replace('\'', "\\'");
                text.push_str(&format!("{name}='{value}' "));
            } else if !TAKEN.contains(&name.as_str()) || (name == "gssencmode" && value == "require") {
                return Err(ParametersError::Unsupported(name.clone()));
            }
        }
        text.parse().map_err(ParametersError::Client)
    }
}

/// Reads a URL (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>).
fn read(url: &str) -> Result<BTreeMap<String, String>, ParametersError> {
    let (_scheme, rest) = url.split_once("://").ok_or(ParametersError::Unreadable("it has no scheme"))?;
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = address.split_once('/').unwrap_or((address, ""));
    let (user, hosts) = authority.split_once('@').unwrap_or(("", authority));
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let mut all = BTreeMap::new();
    for (name, value) in [("user", user), ("password", password), ("dbname", database)] {
        set(&mut all, name, value)?;
    }
    read_hosts(&mut all, hosts)?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let missing = ParametersError::Unreadable("one of its parameters has no `=`");
        let (name, value) = pair.split_once('=').ok_or(missing)?;
        // As of JDBC.
        let (name, value) = if pair == "ssl=true" { ("sslmode", "require") } else { (name, value) };
        set(&mut all, &decoded(name)?, value)?;
    }
    Ok(all)
}

fn read_hosts(all: &mut BTreeMap<String, String>, text: &str) -> Result<(), ParametersError> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for place in text.split(',') {
        let (host, port) = match place.strip_prefix('[') {
            Some(place) => {
                let missing = ParametersError::Unreadable("a `]` is missing");
                let (host, port) = place.split_once(']').ok_or(missing)?;
                (host, port.strip_prefix(':').unwrap_or(port))
            }
            None => place.split_once(':').unwrap_or((place, "")),
        };
        hosts.push(host);
        ports.push(port);
    }
    let none = |texts: &[&str]| texts.iter().all(|text| text.is_empty());
    set(all, "host", &if none(&hosts) { String::new() } else { hosts.join(",") })?;
    set(all, "port", &if none(&ports) { String::new() } else { ports.join(",") })
}

fn set(all: &mut BTreeMap<String, String>, name: &str, value: &str) -> Result<(), ParametersError> {
    if !value.is_empty() {
        all.insert(name.to_owned(), decoded(value)?);
    }
    Ok(())
}

fn decoded(text: &str) -> Result<String, ParametersError> {
    let text = percent_decode_str(text).decode_utf8();
    let text = text.map_err(|_invalid| ParametersError::Unreadable("it is not UTF-8"))?;
    if text.contains('\0') {
        return Err(ParametersError::Unreadable("it holds a NUL"));
    }
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use tokio_postgres::config::Host;

    fn of(url: &str) -> Result<Parameters, ParametersError> {
        Parameters::of(url, &[("connect_timeout", "5"), ("keepalives_count", "3")], |_| None)
    }

    fn config(url: &str) -> Config {
        of(url).unwrap().config().unwrap()
    }

    #[test]
    fn a_url_is_read_as_libpq_reads_it() {
        let read = config("postgres://me:p%40s%27s%5C@[::1]:6000,db2/one%20off?options=-c%20jit%3Doff");
        assert_eq!(read.get_user(), Some("me"));
        assert_eq!(read.get_password(), Some(b"p@s's\\".as_slice()));
        assert_eq!(read.get_hosts(), [Host::Tcp("::1".into()), Host::Tcp("db2".into())]);
        assert_eq!(read.get_ports(), [6000, 5432]);
        assert_eq!(read.get_dbname(), Some("one off"));
        assert_eq!(read.get_options(), Some("-c jit=off"));
        assert_eq!(read.get_connect_timeout(), Some(&std::time::Duration::from_secs(5)));
        assert_eq!(read.get_keepalives_retries(), Some(3));
    }

    #[test]
    fn hosts_may_be_named_as_a_parameter() {
        let read = config("postgres:///db?host=/run/one,/run/two&port=1,2&user=me@there&password=a@b");
        assert_eq!(read.get_hosts(), [Host::Unix("/run/one".into()), Host::Unix(PathBuf::from("/run/two"))]);
        assert_eq!(read.get_ports(), [1, 2]);
        assert_eq!(read.get_user(), Some("me@there"));
        assert!(of("postgres://%2Frun/db").unwrap().has_only_sockets());
        assert!(of("postgres:///db").unwrap().has_only_sockets());
        assert!(!of("postgres://db/db").unwrap().has_only_sockets());
        assert!(!of("postgres:///db?host=/run,db").unwrap().has_only_sockets());
        assert_eq!(config("postgres:///db?hostaddr=127.0.0.1").get_hosts(), [Host::Tcp("127.0.0.1".into())]);
    }

    #[test]
    fn the_environment_counts_where_the_url_says_nothing() {
        let environment = |name: &str| (name == "PGUSER" || name == "PGPORT").then(|| "17".to_owned());
        let read = Parameters::of("postgres://me@db/", &[], environment).unwrap().config().unwrap();
        assert_eq!((read.get_user(), read.get_ports()), (Some("me"), [17].as_slice()));
    }

    #[test]
    fn what_cannot_be_done_is_said_without_its_value() {
        for (url, said) in [
            ("postgres://db/x?sslcrl=secret", "the parameter `sslcrl`"),
            ("postgres://db/x?service=secret", "the parameter `service`"),
            ("postgres://db/x?gssencmode=require", "the parameter `gssencmode`"),
            ("postgres://db/x?target_session_attrs=secret", "cannot be used"),
            ("postgres://db:secret/x", "cannot be used"),
            ("postgres://db/x?secret", "has no `=`"),
            ("postgres://[secret/x", "a `]` is missing"),
            ("postgres://secret%FF@db/x", "not UTF-8"),
            ("postgres://secret%00@db/x", "NUL"),
        ] {
            let error = of(url).and_then(|read| read.config()).unwrap_err();
            assert!(error.to_string().contains(said), "{url}: {error}");
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
    }
}
