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
        let mut unanswered: Option<ClientError> = None;
        let mut retries = 0;
        loop {
            let error = match self.data(&call).await {
                Ok(data) => return Ok(data),
                Err(error) => error,
            };
            match (error, unanswered.take()) {
                (error @ ClientError::Unreachable { was_sent: true, .. }, earlier) => {
                    if retries == RETRIES_MAX {
                        return Err(error);
                    }
                    retries += 1;
                    tokio::time::sleep(RETRY_DELAY * retries).await;
                    unanswered = Some(earlier.unwrap_or(error));
                }
                // An earlier one was sent, and this answer, or that there is none, says nothing about it.
                (error, Some(earlier)) if !settles(&error) => return Err(earlier),
                (error, _) => return Err(error),
            }
        }
    }
}

/// Whether an answer tells what became of a call that was sent before under the same key. One that the server did not
/// look at, as it is busy or stopping or its database is gone, does not.
fn settles(error: &ClientError) -> bool {
    error.status().is_some_and(|status| status < 500 && status != 429)
}
