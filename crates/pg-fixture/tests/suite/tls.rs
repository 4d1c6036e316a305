//! Certificates: a client that checks them takes the server's, and refuses what it should.

use oneoff_pg_fixture::{Cluster, Settings};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use tokio_postgres::config::{Config, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

fn trusting(authority: &Path) -> MakeRustlsConnect {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    MakeRustlsConnect::new(config.with_root_certificates(roots).with_no_client_auth())
}

#[tokio::test]
async fn the_right_authority_and_name_are_taken_and_no_others() {
    let settings = Settings { has_tls: true, needs_password: true, ..Settings::default() };
    let cluster = Cluster::start(&settings).unwrap();
    let database = cluster.database().unwrap();
    let certificates = cluster.certificates().unwrap();
    let of_host = |host: &str| {
        let mut config: Config = database.url().replace("127.0.0.1", host).parse().unwrap();
        config.ssl_mode(SslMode::Require);
        config
    };
    let trusted = trusting(&certificates.authority);
    let (client, connection) = of_host("localhost").connect(trusted.clone()).await.unwrap();
    let connection = tokio::spawn(connection);
    let row =
        client.query_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await.unwrap();
    assert!(row.get::<_, bool>(0));
    drop(client);
    connection.await.unwrap().unwrap();
    assert!(of_host("127.0.0.1").connect(trusted).await.is_err(), "the certificate is for another name");
    let other = trusting(&certificates.other_authority);
    assert!(of_host("localhost").connect(other).await.is_err(), "nobody trusted signed it");
}
