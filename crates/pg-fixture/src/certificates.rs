//! Certificates for the tests of TLS: the server's, and the authority that signed it.

use crate::FixtureError;
use crate::binaries::Binaries;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The files with which a client checks the server. Its certificate is for the name `localhost` alone, so whoever
/// connects to `127.0.0.1` finds that the name does not fit.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The authority that signed the server's certificate, for `sslrootcert`.
    pub authority: PathBuf,
    /// An authority that did not.
    pub other_authority: PathBuf,
}

impl Certificates {
    /// Writes all of them into a directory, the server's as its settings expect them.
    pub(crate) fn make(directory: &Path, data: &Path, binaries: &Binaries) -> Result<Self, FixtureError> {
        let (text, issuer) = authority("OneOff tests")?;
        let (other_text, _) = authority("Somebody else")?;
        let certificates = Self {
            authority: directory.join("authority.crt"),
            other_authority: directory.join("other-authority.crt"),
        };
        write(&certificates.authority, &text)?;
        write(&certificates.other_authority, &other_text)?;
        let key = KeyPair::generate()?;
        let server = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &issuer)?;
        for (name, text) in [("server.crt", server.pem()), ("server.key", key.serialize_pem())] {
            write(&data.join(name), &text)?;
            binaries.give(&data.join(name))?;
        }
        Ok(certificates)
    }
}

fn authority(name: &str) -> Result<(String, Issuer<'static, KeyPair>), FixtureError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate()?;
    let text = params.self_signed(&key)?.pem();
    Ok((text, Issuer::new(params, key)))
}

/// The server refuses a key that others may read.
fn write(path: &Path, text: &str) -> Result<(), FixtureError> {
    let mut options = std::fs::OpenOptions::new();
    let open = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    open.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| FixtureError::Files { path: path.to_owned(), source })
}
