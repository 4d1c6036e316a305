//! Secrets: values that do not print, sealing at rest, masking in text, API keys.
//!
//! Nothing here is a store: what is sealed is kept by others. Randomness comes from
//! [`oneoff_domain::Random`], as everywhere.

pub mod api_key;
mod hex;
mod key_file;
pub mod redaction;
pub mod sealing;
mod secret;
#[cfg(test)]
mod test_random;

pub use key_file::KeyFileError;
pub use redaction::Redactor;
pub use sealing::{OpenError, SealError, SealingKey};
pub use secret::{Secret, SecretString};
