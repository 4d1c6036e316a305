//! Calls that must not happen twice: keys by which a server recognises one that is sent again.

use crate::transport::Call;
use crate::{Client, ClientError};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How often a call is sent again after its connection was lost.
const RETRIES_MAX: u32 = 2;
const RETRY_DELAY: Duration = Duration::from_millis(200);

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

impl Client {
    /// Sends a call under a key, and again when the connection is lost before the answer.
    pub(crate) async fn data_once<T: DeserializeOwned>(
        &self,
        call: Call,
        key: &str,
    ) -> Result<T, ClientError> {
        let call = call.header("Idempotency-Key", key.to_owned());
        let mut retries = 0;
        loop {
            match self.data(&call).await {
                Err(ClientError::Unreachable { was_sent: true, .. }) if retries < RETRIES_MAX => {
                    retries += 1;
                    tokio::time::sleep(RETRY_DELAY * retries).await;
                }
                // Nobody listens any more, but an earlier one was sent.
                Err(ClientError::Unreachable { url, source, .. }) if retries > 0 => {
                    return Err(ClientError::Unreachable { url, source, was_sent: true });
                }
                result => return result,
            }
        }
    }
}
