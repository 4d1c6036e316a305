//! TLS of the connection that hears other nodes, with a real server.

use super::chain;
use super::line::Line;
use super::outbox::Outbox;
use crate::postgres::address::DatabaseUrl;
use oneoff_pg_fixture::{Certificates, Cluster, Database, Settings};

struct Served {
    cluster: Cluster,
    database: Database,
}

impl Served {
    fn with_tls() -> Self {
        let settings = Settings { has_tls: true, needs_password: true, ..Settings::default() };
        let cluster = Cluster::start(&settings).unwrap();
        let database = cluster.database().unwrap();
        Self { cluster, database }
    }

    fn certificates(&self) -> &Certificates {
        self.cluster.certificates().unwrap()
    }

    fn url(&self, host: &str, parameters: &[(&str, &str)]) -> String {
        self.database.url_with(parameters).replace("127.0.0.1", host)
    }

    /// What the server says of the connection, or why there is none.
    async fn is_encrypted(&self, url: &str) -> Result<bool, String> {
        let url = DatabaseUrl::new(&format!("{url}&application_name=tls_test")).unwrap();
        let (sender, _heard) = tokio::sync::mpsc::channel(1);
        let opened = Line::open(&url, &mut Outbox::new(sender)).await;
        let _line = opened.map_err(|error| format!("{} {error:?}", chain(&error)))?;
        let query = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
            WHERE application_name = 'tls_test' ORDER BY backend_start DESC LIMIT 1";
        Ok(self.database.query(query).unwrap().trim() == "t")
    }
}

#[tokio::test]
async fn the_server_is_checked_as_far_as_the_mode_says() {
    let served = Served::with_tls();
    let Certificates { authority, other_authority } = served.certificates();
    let (ours, others) = (authority.to_str().unwrap(), other_authority.to_str().unwrap());
    for (host, mode, root, expected) in [
        ("localhost", "verify-full", Some(ours), Ok(true)),
        ("localhost", "verify-full", Some(others), Err("UnknownIssuer")),
        ("127.0.0.1", "verify-full", Some(ours), Err("not valid for name \"127.0.0.1\"")),
        ("localhost", "verify-full", Some("/absent"), Err("/absent of trusted certificates does not exist")),
        ("localhost", "verify-full", Some("/etc/passwd"), Err("no certificate in /etc/passwd")),
        ("127.0.0.1", "verify-ca", Some(ours), Ok(true)),
        ("127.0.0.1", "verify-ca", Some(others), Err("UnknownIssuer")),
        ("127.0.0.1", "require", Some(ours), Ok(true)),
        ("127.0.0.1", "require", Some(others), Err("UnknownIssuer")),
        ("127.0.0.1", "require", Some("system"), Err("must be verify-full")),
        ("localhost", "verify-full", Some("system"), Err("")),
        ("127.0.0.1", "require", Some("/absent"), Ok(true)),
        ("127.0.0.1", "require", None, Ok(true)),
        ("127.0.0.1", "prefer", None, Ok(true)),
        ("127.0.0.1", "allow", None, Ok(false)),
        ("127.0.0.1", "disable", None, Ok(false)),
        ("127.0.0.1", "always", None, Err("`sslmode` must be")),
    ] {
        let mut parameters = vec![("sslmode", mode)];
        parameters.extend(root.map(|root| ("sslrootcert", root)));
        let case = format!("{host} {parameters:?}");
        match (served.is_encrypted(&served.url(host, &parameters)).await, expected) {
            (Ok(is_encrypted), Ok(expected)) => assert_eq!(is_encrypted, expected, "{case}"),
            (Err(error), Err(expected)) => {
                assert!(error.contains(expected), "{case}: {error}");
                assert!(!error.contains("only-for-tests"), "{case}: {error}");
            }
            (found, expected) => assert_eq!(found, expected.map_err(str::to_owned), "{case}"),
        }
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused_only_where_tls_is_required() {
    let cluster = Cluster::start(&Settings::default()).unwrap();
    let database = cluster.database().unwrap();
    let served = Served { cluster, database };
    for mode in ["disable", "allow", "prefer"] {
        let url = served.database.url_with(&[("sslmode", mode)]);
        assert_eq!(served.is_encrypted(&url).await, Ok(false), "{mode}");
    }
    let required = served.database.url_with(&[("sslmode", "require")]);
    let error = served.is_encrypted(&required).await.unwrap_err();
    assert!(error.contains("server does not support TLS"), "{error}");
    let socket = served.cluster.socket_url(&served.database).unwrap();
    assert_eq!(served.is_encrypted(&format!("{socket}&sslmode=verify-full")).await, Ok(false));
    let hosts = served.database.url().replace("127.0.0.1", "127.0.0.1:1,127.0.0.1");
    assert_eq!(served.is_encrypted(&format!("{hosts}?target_session_attrs=read-write")).await, Ok(false));
}
