//! Sealing values at rest: AES-256-GCM with a random nonce, bound to the record that holds the value.
//!
//! The text form is `v1:<key id>:<base64>`. The bytes are a tag of the record (8), the nonce (12), and the
//! ciphertext with its authentication tag (16). The record's tag is an HMAC of its id under the same key: by it,
//! a value that was moved to another record is told from one that was damaged.

use crate::secret::Secret;
use crate::{KeyFileError, hex, key_file};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oneoff_domain::Random;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::hmac;
use std::fmt;
use std::path::Path;
use zeroize::Zeroizing;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
const VERSION: &str = "v1";
const RECORD_TAG_BYTES: usize = 8;
const KEY_ID_BYTES: usize = 4;

/// Why a value could not be sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The value is too large for the cipher, which takes 64 GiB.
    #[error("the value is too large to be sealed")]
    TooLarge,
}

/// Why a sealed value could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is not a sealed value.
    #[error("this is not a sealed value: it should read `v1:<key id>:<base64>`")]
    Malformed,
    /// It was sealed by a later version.
    #[error(
        "the value was sealed in form `{0}`, which this version does not know; use the version that sealed it"
    )]
    UnknownVersion(String),
    /// It was sealed with another key.
    #[error(
        "the value was sealed with key {sealed_with}, and this is key {given}; give the key it was sealed with"
    )]
    WrongKey {
        /// The id of the key it was sealed with.
        sealed_with: String,
        /// The id of this key.
        given: String,
    },
    /// It was sealed for another record.
    #[error("the value was sealed for another record than this one")]
    WrongRecord,
    /// It was changed since.
    #[error("the value was changed since it was sealed; restore it from a backup")]
    Tampered,
}

/// A key of 256 bit by which values are sealed and opened.
pub struct SealingKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    id: String,
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl SealingKey {
    /// The key of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        let hash = digest(&SHA256, &bytes);
        let id = hex::encode(hash.as_ref().get(..KEY_ID_BYTES).unwrap_or_default());
        Self { bytes: Zeroizing::new(bytes), id }
    }

    /// The key of this text: 64 hexadecimal digits, as in the file.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(hex::decode(text.trim())?);
        bytes.as_slice().try_into().ok().map(Self::from_bytes)
    }

    /// The key in the file at `path`.
    ///
    /// # Errors
    /// [`KeyFileError`], when it cannot be read, holds no key, or others than its owner may read it.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        key_file::load(path)
    }

    /// The key in the file at `path`. Where there is none, a new key is written there, readable by its owner
    /// only. Of two servers that start at the same time, both get the same key.
    ///
    /// # Errors
    /// [`KeyFileError`], as [`Self::load`], and when the file cannot be written.
    pub fn load_or_create(path: &Path, random: &dyn Random) -> Result<Self, KeyFileError> {
        key_file::load_or_create(path, random)
    }

    /// The key's public name: the first 8 hexadecimal digits of its SHA-256.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}\n", hex::encode(self.bytes.as_ref())))
    }

    /// Seals a value for the record of this id. Sealing the same value twice gives different texts.
    ///
    /// # Errors
    /// [`SealError`], when the value is larger than the cipher takes.
    pub fn seal(&self, value: &[u8], record_id: &str, random: &dyn Random) -> Result<String, SealError> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce);
        let mut sealed = Zeroizing::new(value.to_vec());
        let tag = self
            .cipher()
            .and_then(|cipher| {
                let nonce = Nonce::assume_unique_for_key(nonce);
                cipher.seal_in_place_separate_tag(nonce, self.bound_to(record_id), &mut sealed).ok()
            })
            .ok_or(SealError::TooLarge)?;
        let record_tag = self.record_tag(record_id);
        let parts = [record_tag.as_slice(), &nonce, &sealed, tag.as_ref()];
        Ok(format!("{VERSION}:{}:{}", self.id, STANDARD.encode(parts.concat())))
    }

    /// Opens a value that [`Self::seal`] sealed for the record of this id.
    ///
    /// # Errors
    /// [`OpenError`], which says whether it is the wrong key, the wrong record, or a damaged value.
    pub fn open(&self, sealed: &str, record_id: &str) -> Result<Secret<Vec<u8>>, OpenError> {
        let bytes = self.checked(sealed)?;
        let (record_tag, rest) = bytes.split_at_checked(RECORD_TAG_BYTES).ok_or(OpenError::Malformed)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE_LEN).ok_or(OpenError::Malformed)?;
        if ciphertext.len() < AES_256_GCM.tag_len() {
            return Err(OpenError::Malformed);
        }
        if record_tag != self.record_tag(record_id) {
            return Err(OpenError::WrongRecord);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_length| OpenError::Malformed)?;
        let mut value = Zeroizing::new(ciphertext.to_vec());
        let cipher = self.cipher().ok_or(OpenError::Tampered)?;
        let opened = cipher
            .open_in_place(nonce, self.bound_to(record_id), &mut value)
            .map_err(|_unspecified| OpenError::Tampered)?;
        Ok(Secret::new(&*opened))
    }

    /// The bytes of a sealed text, if it is one of this version and of this key.
    fn checked(&self, sealed: &str) -> Result<Vec<u8>, OpenError> {
        let mut parts = sealed.splitn(3, ':');
        let (Some(version), Some(key_id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(OpenError::Malformed);
        };
        if version != VERSION {
            let is_version = version.starts_with('v') && matches!(version.len(), 2..=8);
            return Err(if is_version {
                OpenError::UnknownVersion(version.to_owned())
            } else {
                OpenError::Malformed
            });
        }
        if hex::decode(key_id).is_none_or(|bytes| bytes.len() != KEY_ID_BYTES) {
            return Err(OpenError::Malformed);
        }
        if key_id != self.id {
            return Err(OpenError::WrongKey { sealed_with: key_id.to_owned(), given: self.id.clone() });
        }
        STANDARD.decode(encoded).map_err(|_invalid| OpenError::Malformed)
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, self.bytes.as_ref()).ok().map(LessSafeKey::new)
    }

    fn bound_to(&self, record_id: &str) -> Aad<Vec<u8>> {
        Aad::from(format!("{VERSION}:{}:{record_id}", self.id).into_bytes())
    }

    fn record_tag(&self, record_id: &str) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.bytes.as_ref());
        let tag = hmac::sign(&key, format!("record:{record_id}").as_bytes());
        tag.as_ref().get(..RECORD_TAG_BYTES).unwrap_or_default().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Counting;

    fn key(byte: u8) -> SealingKey {
        SealingKey::from_bytes([byte; KEY_BYTES])
    }

    #[test]
    fn what_is_sealed_is_opened_for_the_same_record_only() {
        let random = Counting::default();
        let sealed = key(1).seal(b"hunter2", "webhook/7", &random).unwrap();
        assert!(sealed.starts_with(&format!("v1:{}:", key(1).id())), "{sealed}");
        assert!(!sealed.contains("hunter2"));
        assert_eq!(key(1).open(&sealed, "webhook/7").unwrap().expose(), b"hunter2");
        assert_ne!(sealed, key(1).seal(b"hunter2", "webhook/7", &random).unwrap(), "the nonce differs");
        assert_eq!(key(1).open(&sealed, "webhook/8").unwrap_err(), OpenError::WrongRecord);
        let wrong =
            OpenError::WrongKey { sealed_with: key(1).id().to_owned(), given: key(2).id().to_owned() };
        assert_eq!(key(2).open(&sealed, "webhook/7").unwrap_err(), wrong);
        let empty = key(1).seal(b"", "", &random).unwrap();
        assert_eq!(key(1).open(&empty, "").unwrap().expose(), b"");
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let sealed = key(1).seal(b"hunter2", "r", &Counting::default()).unwrap();
        let (head, encoded) = sealed.rsplit_once(':').unwrap();
        let bytes = STANDARD.decode(encoded).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let error = key(1).open(&format!("{head}:{}", STANDARD.encode(&changed)), "r").unwrap_err();
            let expected = if at < RECORD_TAG_BYTES { OpenError::WrongRecord } else { OpenError::Tampered };
            assert_eq!(error, expected, "byte {at}");
        }
        for length in 0..bytes.len() {
            let cut = format!("{head}:{}", STANDARD.encode(&bytes[..length]));
            assert!(key(1).open(&cut, "r").is_err(), "{length} bytes");
        }
    }

    #[test]
    fn what_is_no_sealed_value_is_refused() {
        let id = key(1).id().to_owned();
        for text in [
            "",
            "v1",
            "v1::",
            "hunter2",
            "v1:zz:AAAA",
            "é:é:é",
            &format!("v1:{id}:***"),
            &format!("v1:{id}:AAAA"),
        ] {
            assert_eq!(key(1).open(text, "r").unwrap_err(), OpenError::Malformed, "{text}");
        }
        assert_eq!(key(1).open("v2:a:b", "r").unwrap_err(), OpenError::UnknownVersion("v2".to_owned()));
    }

    #[test]
    fn the_id_of_a_key_is_the_head_of_its_hash() {
        // printf '\0%.0s' {1..32} | sha256sum
        assert_eq!(key(0).id(), "66687aad");
        assert_eq!(format!("{:?}", key(0)), r#"SealingKey { id: "66687aad", .. }"#);
        assert_eq!(SealingKey::from_text(&key(7).to_text()).unwrap().id(), key(7).id());
        assert!(SealingKey::from_text("00").is_none() && SealingKey::from_text(&"g".repeat(64)).is_none());
    }
}
