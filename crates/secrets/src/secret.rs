//! A value that neither prints nor stays in memory.

use serde::{Deserialize, Deserializer};
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// A value that shows as `[redacted]` wherever it is printed, is not written by serde, and is overwritten when
/// it is dropped. Reading it takes a call that a reviewer can find: [`Secret::expose`].
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

/// A secret text.
pub type SecretString = Secret<String>;

impl<T: Zeroize> Secret<T> {
    /// Makes a secret of a value.
    pub fn new(value: impl Into<T>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The value itself.
    #[must_use]
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T: Zeroize> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'de, T: Zeroize + Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(|value| Self(Zeroizing::new(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        #[derive(Debug, Deserialize)]
        struct Settings {
            key: SecretString,
        }
        let settings: Settings = serde_json::from_str(r#"{"key": "hunter2"}"#).unwrap();
        assert_eq!(format!("{settings:?}"), "Settings { key: [redacted] }");
        assert_eq!(format!("{} {:?}", settings.key, settings.key), "[redacted] [redacted]");
        assert_eq!(settings.key.expose(), "hunter2");
    }
}
