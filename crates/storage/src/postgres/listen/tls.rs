//! TLS of the connection that hears other nodes: what `sslmode` and the files beside it mean to libpq
//! (<https://www.postgresql.org/docs/current/libpq-ssl.html>), done by rustls.

use super::parameters::Parameters;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Why TLS cannot be set up as the address says.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    /// Not one of libpq's.
    #[error("`sslmode` must be disable, allow, prefer, require, verify-ca or verify-full")]
    UnknownMode,
    /// As libpq has it.
    #[error("with `sslrootcert=system`, `sslmode` must be verify-full")]
    WeakMode,
    /// Nothing to check the server with.
    #[error("the file {} of trusted certificates does not exist: name one with `sslrootcert`", .0.display())]
    NoAuthority(PathBuf),
    /// A file of certificates or a key.
    #[error("the file {} cannot be read as PEM", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// It holds none, or only what is no certificate of an authority.
    #[error("no certificate in {} can be used", .0.display())]
    NothingTrusted(PathBuf),
    /// The machine has none.
    #[error("this machine has no trusted certificates, as `sslrootcert=system` needs")]
    NoSystem,
    /// What rustls refuses.
    #[error("TLS cannot be set up")]
    Refused(#[from] rustls::Error),
}

/// How a connection is tried, and if that fails, how once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempts {
    pub(super) first: SslMode,
    pub(super) then: Option<SslMode>,
}

/// What `sslmode` says, in the order of how safe it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Mode {
    fn of(parameters: &Parameters) -> Result<Self, TlsError> {
        let of_system = parameters.get("sslrootcert") == Some(SYSTEM);
        let mode = match parameters.get("sslmode") {
            None if of_system => Self::VerifyFull,
            None | Some("prefer") => Self::Prefer,
            Some("disable") => Self::Disable,
            Some("allow") => Self::Allow,
            Some("require") => Self::Require,
            Some("verify-ca") => Self::VerifyCa,
            Some("verify-full") => Self::VerifyFull,
            Some(_) => return Err(TlsError::UnknownMode),
        };
        if of_system && mode != Self::VerifyFull { Err(TlsError::WeakMode) } else { Ok(mode) }
    }

    fn attempts(self) -> Attempts {
        match self {
            Self::Disable => Attempts { first: SslMode::Disable, then: None },
            Self::Allow => Attempts { first: SslMode::Disable, then: Some(SslMode::Require) },
            Self::Prefer => Attempts { first: SslMode::Prefer, then: Some(SslMode::Disable) },
            Self::Require | Self::VerifyCa | Self::VerifyFull => {
                Attempts { first: SslMode::Require, then: None }
            }
        }
    }

    fn is_checked(self) -> bool {
        matches!(self, Self::VerifyCa | Self::VerifyFull)
    }
}

/// The value of `sslrootcert` that means what the machine trusts.
const SYSTEM: &str = "system";

/// Sets TLS up. Reads files: blocks.
pub(super) fn set_up(parameters: &Parameters) -> Result<(MakeRustlsConnect, Attempts), TlsError> {
    let mode = if parameters.has_only_sockets() { Mode::Disable } else { Mode::of(parameters)? };
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let trusted = if mode == Mode::Disable { None } else { trusted(parameters, mode)? };
    let verifier = Verifier { trusted, checks_name: mode == Mode::VerifyFull, algorithms };
    let newest_only = parameters.get("ssl_min_protocol_version") == Some("TLSv1.3");
    let versions = if newest_only { &[&rustls::version::TLS13][..] } else { rustls::DEFAULT_VERSIONS };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)?
        // Nothing is left out of what libpq checks.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match own_certificate(parameters, mode)? {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
        None => builder.with_no_client_auth(),
    };
    if parameters.get("sslnegotiation") == Some("direct") {
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    Ok((MakeRustlsConnect::new(config), mode.attempts()))
}

/// A file that a parameter names, or that of libpq in the user's folder.
fn file(parameters: &Parameters, parameter: &str, name: &str) -> PathBuf {
    let of_user = || std::env::home_dir().unwrap_or_default().join(".postgresql").join(name);
    parameters.get(parameter).map_or_else(of_user, PathBuf::from)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    all.map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}

/// Whom the server's certificate must be of. `None` lets every certificate pass: as libpq does where a mode asks for no
/// check and there is no file to check with.
fn trusted(parameters: &Parameters, mode: Mode) -> Result<Option<Trusted>, TlsError> {
    if parameters.get("sslrootcert") == Some(SYSTEM) {
        let authorities = Trusted::of(rustls_native_certs::load_native_certs().certs);
        return if authorities.roots.is_empty() { Err(TlsError::NoSystem) } else { Ok(Some(authorities)) };
    }
    let path = file(parameters, "sslrootcert", "root.crt");
    if !path.exists() {
        return if mode.is_checked() { Err(TlsError::NoAuthority(path)) } else { Ok(None) };
    }
    let trusted = Trusted::of(certificates(&path)?);
    if trusted.roots.is_empty() { Err(TlsError::NothingTrusted(path)) } else { Ok(Some(trusted)) }
}

type OwnCertificate = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// What this client shows of itself, if it has a file of that.
fn own_certificate(parameters: &Parameters, mode: Mode) -> Result<Option<OwnCertificate>, TlsError> {
    let path = file(parameters, "sslcert", "postgresql.crt");
    if mode == Mode::Disable || !path.exists() {
        return Ok(None);
    }
    let chain = certificates(&path)?;
    let path = file(parameters, "sslkey", "postgresql.key");
    let key = PrivateKeyDer::from_pem_file(&path).map_err(|source| TlsError::Unreadable { path, source })?;
    Ok(Some((chain, key)))
}

#[derive(Debug)]
struct Trusted {
    roots: RootCertStore,
    /// A server's own certificate may be among them, signed by itself.
    certificates: Vec<CertificateDer<'static>>,
}

impl Trusted {
    fn of(certificates: Vec<CertificateDer<'static>>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.iter().cloned());
        Self { roots, certificates }
    }
}

/// Checks a server as libpq does: the authority where one is given, and the name if it is to be checked.
#[derive(Debug)]
struct Verifier {
    trusted: Option<Trusted>,
    checks_name: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(trusted) = &self.trusted else { return Ok(ServerCertVerified::assertion()) };
        let parsed = ParsedCertificate::try_from(end_entity)?;
        if !trusted.certificates.iter().any(|one| one.as_ref() == end_entity.as_ref()) {
            let (roots, all) = (&trusted.roots, self.algorithms.all);
            verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, all)?;
        }
        if self.checks_name {
            verify_server_name(&parsed, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
