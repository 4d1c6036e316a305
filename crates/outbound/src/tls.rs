//! TLS of outgoing requests: rustls with ring, and the certificates that the system trusts (also those that
//! `SSL_CERT_FILE` and `SSL_CERT_DIR` name), or Mozilla's where it has none, as a slim container has.

use crate::BuildError;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::env;
use std::sync::{Arc, OnceLock};

/// A configuration of its own, so that nothing depends on what is installed process-wide.
pub(crate) fn config() -> Result<ClientConfig, BuildError> {
    config_trusting(of_the_system)
}

fn config_trusting(trusted: fn() -> RootCertStore) -> Result<ClientConfig, BuildError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trust = Trust { provider: Arc::clone(&provider), trusted, verifier: OnceLock::new() };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|source| BuildError { what: "TLS", source: Box::new(source) })?
        // Nothing is left out of what rustls checks: it is only set up later.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(trust))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn of_the_system() -> RootCertStore {
    let loaded = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    let (added, _unusable) = store.add_parsable_certificates(loaded.certs);
    if added > 0 {
        return store;
    }
    let errors: Vec<_> = loaded.errors.iter().map(ToString::to_string).collect();
    let names_its_own = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().any(|name| env::var_os(name).is_some());
    where_there_are_none(names_its_own, &errors.join("; "))
}

/// Whoever names certificates trusts these and no others: `https:` requests fail then with an unknown issuer.
fn where_there_are_none(names_its_own: bool, errors: &str) -> RootCertStore {
    if names_its_own {
        tracing::warn!(
            errors,
            "no trusted certificates where SSL_CERT_FILE or SSL_CERT_DIR name them: https requests fail"
        );
        return RootCertStore::empty();
    }
    tracing::info!(
        errors,
        "this system has no trusted certificates: those of Mozilla that the program has are trusted"
    );
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

/// Checks certificates as rustls does, by trusted ones that are read when the first is to be checked: a system has
/// hundreds of files of them, and a server that calls no `https:` address needs neither the time nor the memory.
#[derive(Debug)]
struct Trust {
    provider: Arc<CryptoProvider>,
    trusted: fn() -> RootCertStore,
    /// `None` when nothing is trusted.
    verifier: OnceLock<Option<Arc<WebPkiServerVerifier>>>,
}

impl Trust {
    fn verifier(&self) -> Result<&WebPkiServerVerifier, Error> {
        let set_up = || {
            let roots = Arc::new((self.trusted)());
            WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&self.provider)).build().ok()
        };
        let nobody = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        self.verifier.get_or_init(set_up).as_deref().ok_or(nobody)
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verifier()?.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::PrivateKeyDer;
    use rustls::pki_types::pem::PemObject;
    use rustls::{ClientConnection, ServerConfig, ServerConnection};
    use std::sync::atomic::{AtomicUsize, Ordering};

    const AUTHORITY: &[u8] = include_bytes!("../tests/certificates/authority.pem");
    const SERVER: &[u8] = include_bytes!("../tests/certificates/server.pem");
    const SERVER_KEY: &[u8] = include_bytes!("../tests/certificates/server-key.pem");

    static READ: AtomicUsize = AtomicUsize::new(0);

    fn the_authority() -> RootCertStore {
        READ.fetch_add(1, Ordering::Relaxed);
        let mut store = RootCertStore::empty();
        store.add(CertificateDer::from_pem_slice(AUTHORITY).unwrap()).unwrap();
        store
    }

    /// A server with a certificate of the authority for the name `localhost`.
    fn server() -> ServerConnection {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::from_pem_slice(SERVER_KEY).unwrap();
        let certificates = vec![CertificateDer::from_pem_slice(SERVER).unwrap().into_owned()];
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .unwrap();
        ServerConnection::new(Arc::new(config)).unwrap()
    }

    /// What comes of a client that calls the server by a name.
    fn shake_hands(config: &Arc<ClientConfig>, name: &'static str) -> Result<(), Error> {
        let mut client = ClientConnection::new(Arc::clone(config), name.try_into().unwrap()).unwrap();
        let mut server = server();
        while client.is_handshaking() || server.is_handshaking() {
            let (mut there, mut back) = (Vec::new(), Vec::new());
            while client.wants_write() {
                client.write_tls(&mut there).unwrap();
            }
            server.read_tls(&mut there.as_slice()).unwrap();
            server.process_new_packets().unwrap();
            while server.wants_write() {
                server.write_tls(&mut back).unwrap();
            }
            client.read_tls(&mut back.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn what_is_trusted_is_read_once_and_not_before_it_is_needed() {
        let config = Arc::new(config_trusting(the_authority).unwrap());
        assert_eq!(READ.load(Ordering::Relaxed), 0);
        shake_hands(&config, "localhost").unwrap();
        shake_hands(&config, "localhost").unwrap();
        assert_eq!(READ.load(Ordering::Relaxed), 1);
        let other_name = shake_hands(&config, "example.com").unwrap_err();
        assert!(
            matches!(&other_name, Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. })),
            "{other_name}"
        );
    }

    #[test]
    fn who_is_not_trusted_is_refused() {
        let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        for trusted in [of_the_system, RootCertStore::empty] {
            let config = Arc::new(config_trusting(trusted).unwrap());
            assert_eq!(shake_hands(&config, "localhost"), Err(unknown.clone()));
        }
    }
    #[test]
    fn a_system_without_certificates_trusts_those_of_the_program_unless_it_names_its_own() {
        assert!(where_there_are_none(true, "no such file").is_empty());
        let roots = where_there_are_none(false, "");
        assert!(roots.len() > 100, "{}", roots.len());
        let config = Arc::new(config_trusting(|| where_there_are_none(false, "")).unwrap());
        let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert_eq!(shake_hands(&config, "localhost"), Err(unknown));
    }
}
