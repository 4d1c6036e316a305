//! TLS of outgoing requests: rustls with ring, and the certificates that the system trusts (also those that
//! `SSL_CERT_FILE` and `SSL_CERT_DIR` name).

use crate::BuildError;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// A configuration of its own, so that nothing depends on what is installed process-wide.
pub(crate) fn config() -> Result<ClientConfig, BuildError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|source| BuildError { what: "TLS", source: Box::new(source) })?
        .with_root_certificates(trusted())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// A machine without certificates can still call `http:` addresses; `https:` fails then with an unknown issuer.
fn trusted() -> RootCertStore {
    let loaded = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    let (added, _unusable) = store.add_parsable_certificates(loaded.certs);
    if added == 0 {
        let errors: Vec<_> = loaded.errors.iter().map(ToString::to_string).collect();
        tracing::warn!(errors = errors.join("; "), "no trusted certificates found: https requests will fail");
    }
    store
}
