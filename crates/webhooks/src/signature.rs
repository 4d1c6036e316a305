//! Signatures: version 1's over the body, and those of Standard Webhooks 1.0 over id, time and body.
//!
//! Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oneoff_domain::{Random, Timestamp};
use oneoff_secrets::{Secret, SecretString};
use ring::hmac;

const STANDARD_PREFIX: &str = "whsec_";
/// Bytes of a key, as Standard Webhooks bounds them.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
const NEW_KEY_BYTES: usize = 32;
/// The longest secret that is taken.
const SECRET_MAX_BYTES: usize = 512;

/// Text that cannot be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// It is empty.
    #[error("a webhook secret cannot be empty: leave it out for requests without a signature")]
    Empty,
    /// It is too long.
    #[error("a webhook secret has at most 512 bytes")]
    TooLong,
    /// It begins as a Standard Webhooks secret and is none.
    #[error("`whsec_` must be followed by 24 to 64 bytes in base64")]
    Malformed,
}

/// The secret of an endpoint.
///
/// `whsec_` and base64 is the form of Standard Webhooks: the key is what the base64 stands for. Any other text is
/// a secret of version 1: its bytes are the key, of both signatures.
#[derive(Debug, Clone)]
pub struct WebhookSecret {
    text: SecretString,
    key: Secret<Vec<u8>>,
}

impl WebhookSecret {
    /// Reads a secret.
    ///
    /// # Errors
    /// [`InvalidSecret`], when it is empty, too long, or `whsec_` without a key.
    pub fn new(text: &str) -> Result<Self, InvalidSecret> {
        if text.is_empty() {
            return Err(InvalidSecret::Empty);
        }
        if text.len() > SECRET_MAX_BYTES {
            return Err(InvalidSecret::TooLong);
        }
        let key = match text.strip_prefix(STANDARD_PREFIX) {
            Some(encoded) => {
                let key = STANDARD.decode(encoded).ok().filter(|key| KEY_BYTES.contains(&key.len()));
                key.ok_or(InvalidSecret::Malformed)?
            }
            None => text.as_bytes().to_vec(),
        };
        Ok(Self { text: SecretString::new(text), key: Secret::new(key) })
    }

    /// The secret as text, for whoever set it up.
    #[must_use]
    pub fn text(&self) -> &SecretString {
        &self.text
    }

    /// The value of `X-OneOff-Signature`: an HMAC-SHA256 of the body under the secret's text, as in version 1.
    #[must_use]
    pub fn sign_body(&self, body: &[u8]) -> String {
        let tag = sign(self.text.expose().as_bytes(), &[body]);
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256={hex}")
    }

    /// One signature of `webhook-signature`: `v1,` and the base64 of an HMAC-SHA256 of `id.seconds.body`. The time
    /// is that of the attempt, the id that of the delivery, which stays the same over its attempts.
    #[must_use]
    pub fn sign_standard(&self, id: &str, at: Timestamp, body: &[u8]) -> String {
        let seconds = unix_seconds(at).to_string();
        let tag = sign(self.key.expose(), &[id.as_bytes(), b".", seconds.as_bytes(), b".", body]);
        format!("v1,{}", STANDARD.encode(tag))
    }
}

/// A new secret in the form of Standard Webhooks, of 256 random bits.
#[must_use]
pub fn generate_secret(random: &dyn Random) -> SecretString {
    let mut key = [0; NEW_KEY_BYTES];
    random.fill(&mut key);
    SecretString::new(format!("{STANDARD_PREFIX}{}", STANDARD.encode(key)))
}

/// Whole seconds since 1970, as `webhook-timestamp` says them.
pub(crate) fn unix_seconds(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(1_000_000)
}

fn sign(key: &[u8], parts: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    context.sign()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Constant;

    impl Random for Constant {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0xab);
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000 + 999_999).unwrap()
    }

    #[test]
    fn the_published_vector_of_standard_webhooks() {
        let secret = WebhookSecret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = secret.sign_standard(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            at(1_614_265_330),
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn the_body_is_signed_as_version_1_did() {
        // The vector of RFC 4231, section 4.3: the key is a text, as version 1's secrets are.
        let secret = WebhookSecret::new("Jefe").unwrap();
        assert_eq!(
            secret.sign_body(b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_generated_secret_is_one_and_does_not_print() {
        let text = generate_secret(&Constant);
        let secret = WebhookSecret::new(text.expose()).unwrap();
        assert_eq!(secret.key.expose(), &[0xab; 32]);
        assert!(!format!("{secret:?}").contains("q6ur"), "{secret:?}");
        assert_eq!(secret.text().expose(), text.expose());
    }

    #[test]
    fn what_cannot_be_a_secret() {
        let error = |text: &str| WebhookSecret::new(text).unwrap_err();
        assert_eq!(error(""), InvalidSecret::Empty);
        assert_eq!(error(&"x".repeat(513)), InvalidSecret::TooLong);
        for malformed in ["whsec_", "whsec_***", "whsec_AAAA", &format!("whsec_{}", STANDARD.encode([0; 65]))]
        {
            assert_eq!(error(malformed), InvalidSecret::Malformed, "{malformed}");
        }
        assert!(WebhookSecret::new("é").is_ok(), "version 1 took any text");
    }

    proptest! {
        #[test]
        fn receivers_accept_it(key in prop::collection::vec(any::<u8>(), 24..=64), id in "[a-z0-9-]{1,40}",
            seconds in 0..4_000_000_000_i64, body in "\\PC{0,200}",
        ) {
            let text = format!("whsec_{}", STANDARD.encode(&key));
            let theirs = standardwebhooks::Webhook::new(&text).unwrap();
            let ours = WebhookSecret::new(&text).unwrap().sign_standard(&id, at(seconds), body.as_bytes());
            prop_assert_eq!(ours, theirs.sign(&id, seconds, body.as_bytes()).unwrap());
        }
    }
}
