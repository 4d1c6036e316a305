//! Keys by which a server recognises a create that is sent again.

use crate::ClientError;

/// A new random key (UUIDv4 text, RFC 9562 section 5.4).
///
/// # Errors
/// [`ClientError::Settings`] when the system gives no random bytes.
pub fn new_key() -> Result<String, ClientError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| ClientError::Settings {
        message: format!("the system gives no random bytes: {error}"),
    })?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}
