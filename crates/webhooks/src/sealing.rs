//! The key by which secrets are sealed: given, or in a file that is made when it is first needed.

use oneoff_domain::Random;
use oneoff_secrets::SealingKey;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Where the key is by which secrets are sealed.
#[derive(Debug)]
pub struct Sealing(Place);

#[derive(Debug)]
enum Place {
    Nowhere,
    Given(Arc<SealingKey>),
    /// A file of this server's own, and the key once it was read.
    File(PathBuf, Mutex<Option<Arc<SealingKey>>>),
}

impl Sealing {
    /// There is none: no webhook can have a secret.
    #[must_use]
    pub fn none() -> Self {
        Self(Place::Nowhere)
    }

    /// This key.
    #[must_use]
    pub fn with(key: SealingKey) -> Self {
        Self(Place::Given(Arc::new(key)))
    }

    /// The key in this file, which is made when the first secret is sealed.
    #[must_use]
    pub fn in_file(path: PathBuf) -> Self {
        Self(Place::File(path, Mutex::new(None)))
    }

    /// The key to seal a secret with.
    pub(crate) fn key_to_seal(&self, random: &dyn Random) -> Result<Arc<SealingKey>, String> {
        self.key(|path| SealingKey::load_or_create(path, random))
    }

    /// The key to open a secret with: that of a file is there, if it ever sealed one.
    pub(crate) fn key_to_open(&self) -> Result<Arc<SealingKey>, String> {
        self.key(SealingKey::load)
    }

    fn key(
        &self,
        load: impl FnOnce(&std::path::Path) -> Result<SealingKey, oneoff_secrets::KeyFileError>,
    ) -> Result<Arc<SealingKey>, String> {
        let (path, known) = match &self.0 {
            Place::Nowhere => return Err("this server has no key to seal it with".to_owned()),
            Place::Given(key) => return Ok(Arc::clone(key)),
            Place::File(path, known) => (path, known),
        };
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known.as_ref() {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(load(path).map_err(|error| error.to_string())?);
        *known = Some(Arc::clone(&key));
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Seven;

    impl Random for Seven {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    #[test]
    fn a_file_is_made_when_something_is_sealed_and_not_before() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.key");
        let sealing = Sealing::in_file(path.clone());
        assert!(sealing.key_to_open().is_err() && !path.exists());
        let key = sealing.key_to_seal(&Seven).unwrap();
        assert!(path.exists());
        assert_eq!(Sealing::in_file(path).key_to_open().unwrap().id(), key.id());
        assert!(Sealing::none().key_to_seal(&Seven).unwrap_err().contains("no key"));
    }
}
