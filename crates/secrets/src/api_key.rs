//! API keys: `oneoff_` and 72 hexadecimal digits, of which the server keeps only the SHA-256.
//!
//! 64 digits are random. The last eight are a CRC-32 of what stands before them, so that scanners for leaked
//! keys and a person who mistyped one can tell without asking the server. Keys of version 1 end without it.
//! They stay valid: a key is known by its hash, and the checksum decides nothing.

use crate::hex;
use crate::secret::SecretString;
use oneoff_domain::Random;
use ring::digest::{SHA256, digest};
use zeroize::Zeroize;

/// What every key begins with.
pub const PREFIX: &str = "oneoff_";
const RANDOM_BYTES: usize = 32;
const CHECKSUM_DIGITS: usize = 8;
const BODY_CHARS: usize = PREFIX.len() + 2 * RANDOM_BYTES;
const SHOWN_CHARS: usize = PREFIX.len() + 8;

/// A new key of 256 random bits and its checksum.
#[must_use]
pub fn generate_api_key(random: &dyn Random) -> SecretString {
    let mut bytes = [0; RANDOM_BYTES];
    random.fill(&mut bytes);
    let mut key = format!("{PREFIX}{}", hex::encode(&bytes));
    bytes.zeroize();
    let checksum = crc32fast::hash(key.as_bytes());
    key.push_str(&format!("{checksum:08x}"));
    SecretString::new(key)
}

/// What the store keeps of a key: its SHA-256 in lower-case hexadecimal digits. A slow hash would add nothing,
/// as the key is random and not a password.
#[must_use]
pub fn hash_api_key(key: &str) -> String {
    hex::encode(digest(&SHA256, key.as_bytes()).as_ref())
}

/// The part of a key that may be shown and listed: its first 15 characters.
#[must_use]
pub fn key_prefix(key: &str) -> &str {
    let end = key.char_indices().nth(SHOWN_CHARS).map_or(key.len(), |(end, _)| end);
    key.get(..end).unwrap_or_default()
}

/// Whether this has the form of a key: of this version or of version 1.
#[must_use]
pub fn is_well_formed(key: &str) -> bool {
    let digits = key.strip_prefix(PREFIX).unwrap_or_default();
    let of_known_length = [BODY_CHARS, BODY_CHARS + CHECKSUM_DIGITS].contains(&key.len());
    of_known_length && digits.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
}

/// Whether the checksum fits. A key of version 1 has none, so `false` only means "mistyped, or from version 1".
#[must_use]
pub fn has_checksum(key: &str) -> bool {
    let Some((body, checksum)) = key.split_at_checked(BODY_CHARS) else { return false };
    is_well_formed(key) && checksum == format!("{:08x}", crc32fast::hash(body.as_bytes()))
}

/// Whether this begins as a key does but cannot be one: a digit is wrong or missing. What this says `false` of may still be
/// unknown to the server.
#[must_use]
pub fn is_mistyped(key: &str) -> bool {
    let has_room_for_checksum = key.len() == BODY_CHARS + CHECKSUM_DIGITS;
    key.starts_with(PREFIX) && (!is_well_formed(key) || (has_room_for_checksum && !has_checksum(key)))
}

/// A new token of 256 random bits, in hexadecimal digits: for a session or a link, which a hash is kept of as of a key.
#[must_use]
pub fn generate_token(random: &dyn Random) -> SecretString {
    let mut bytes = [0; RANDOM_BYTES];
    random.fill(&mut bytes);
    let token = SecretString::new(hex::encode(&bytes));
    bytes.zeroize();
    token
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Counting;

    #[test]
    fn a_key_has_256_random_bits_and_a_checksum() {
        let random = Counting::from(1);
        let (key, other) = (generate_api_key(&random), generate_api_key(&random));
        assert_ne!(key.expose(), other.expose());
        assert_eq!(key.expose().len(), "oneoff_".len() + 72);
        assert!(is_well_formed(key.expose()) && has_checksum(key.expose()));
        assert_eq!(key_prefix(key.expose()), &key.expose()[..15]);
        let mistyped = key.expose().replace(&key.expose()[20..21], "x");
        assert!(!is_well_formed(&mistyped) && !has_checksum(&mistyped));
        let swapped = format!("{}{}", &key.expose()[..71], &other.expose()[71..]);
        assert!(is_well_formed(&swapped) && !has_checksum(&swapped));
    }

    #[test]
    fn a_key_of_version_1_is_well_formed_and_hashed_as_there() {
        let key = format!("oneoff_{}", "0123456789abcdef".repeat(4));
        assert!(is_well_formed(&key) && !has_checksum(&key));
        assert_eq!(hash_api_key("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(hash_api_key(&key).len(), 64);
    }

    #[test]
    fn a_wrong_digit_is_found_without_asking() {
        let key = generate_api_key(&Counting::from(1));
        let key = key.expose();
        let of_version_1 = &key[..71];
        for good in [key.as_str(), of_version_1, "some other token", ""] {
            assert!(!is_mistyped(good), "{good}");
        }
        let other = if key.ends_with('0') { "1" } else { "0" };
        let wrong_end = format!("{}{other}", &key[..78]);
        for bad in
            ["oneoff_", &key[..70], &key[..78], &wrong_end, &key.to_uppercase().replace("ONEOFF_", "oneoff_")]
        {
            assert!(is_mistyped(bad), "{bad}");
        }
    }

    #[test]
    fn tokens_are_random() {
        let random = Counting::from(1);
        let (token, other) = (generate_token(&random), generate_token(&random));
        assert_eq!(token.expose().len(), 64);
        assert_ne!(token.expose(), other.expose());
    }

    #[test]
    fn what_is_no_key_does_no_harm() {
        for text in ["", "oneoff_", "é", &"é".repeat(40), &"oneoff_".repeat(1000), "Bearer oneoff_00"] {
            assert!(!is_well_formed(text) && !has_checksum(text), "{text}");
            assert!(key_prefix(text).chars().count() <= 15);
        }
        let upper = format!("oneoff_{}", "AB".repeat(32));
        assert!(!is_well_formed(&upper), "keys are compared byte by byte, so case counts");
    }
}
