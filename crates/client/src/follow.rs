//! Following an output from any byte to its end.

use crate::wait::{LONG_POLL, Patience};
use crate::{Client, ClientError, OutputRequest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oneoff_api_types::OutputChunkView;
use std::borrow::Cow;
use std::time::Duration;
use tokio::time::Instant;

/// The least time between two polls that bring nothing, for a server that answers at once.
const POLL_SPACING: Duration = Duration::from_millis(100);

/// An output that is read piece by piece while it grows.
#[derive(Debug)]
pub struct OutputFollower {
    client: Client,
    execution_id: String,
    next_offset: i64,
    waits: bool,
    is_complete: bool,
    has_answered: bool,
    patience: Patience,
}

impl Client {
    /// Follows an output from a byte on until there will be no more.
    #[must_use]
    pub fn follow_output(&self, execution_id: &str, offset: i64) -> OutputFollower {
        self.follower(execution_id, offset, true)
    }

    /// Reads an output from a byte on to what is there now.
    #[must_use]
    pub fn read_output(&self, execution_id: &str, offset: i64) -> OutputFollower {
        self.follower(execution_id, offset, false)
    }

    fn follower(&self, execution_id: &str, offset: i64, waits: bool) -> OutputFollower {
        OutputFollower {
            client: self.clone(),
            execution_id: execution_id.to_owned(),
            next_offset: offset,
            waits,
            is_complete: false,
            has_answered: false,
            patience: Patience::new(self),
        }
    }
}

impl OutputFollower {
    /// The next pieces; `None` at the end.
    ///
    /// # Errors
    /// Any [`ClientError`]. A server that goes away meanwhile is given `timeouts.reconnect` to come back.
    pub async fn next(&mut self) -> Result<Option<Vec<OutputChunkView>>, ClientError> {
        while !self.is_complete {
            let asked_at = Instant::now();
            let wait = (self.waits && self.has_answered).then_some(LONG_POLL);
            let request = OutputRequest { offset: self.next_offset, limit_bytes: None, wait };
            let answer = self.client.output(&self.execution_id, request).await;
            // A server that was never there is an error at once; one that went away may come back.
            let answer = match self.has_answered {
                true => self.patience.judge(answer).await?,
                false => Some(answer?),
            };
            let Some(view) = answer else { continue };
            self.has_answered = true;
            let is_at_end = view.next_offset <= self.next_offset && view.chunks.is_empty();
            self.next_offset = self.next_offset.max(view.next_offset);
            self.is_complete = is_at_end && (view.complete || !self.waits)
                || view.complete && self.next_offset >= view.total_bytes;
            if !view.chunks.is_empty() {
                return Ok(Some(view.chunks));
            }
            if !self.is_complete {
                tokio::time::sleep_until(asked_at + POLL_SPACING).await;
            }
        }
        Ok(None)
    }

    /// The offset at which to go on.
    #[must_use]
    pub fn next_offset(&self) -> i64 {
        self.next_offset
    }
}

/// The bytes of a piece as the job wrote them. A server that does not give them exactly gives their text.
#[must_use]
pub fn chunk_bytes(chunk: &OutputChunkView) -> Cow<'_, [u8]> {
    let exact = chunk.base64.as_ref().and_then(|base64| STANDARD.decode(base64).ok());
    exact.map_or(Cow::Borrowed(chunk.text.as_bytes()), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::chunk_bytes;
    use oneoff_api_types::OutputChunkView;

    #[test]
    fn bytes_are_exact_where_they_are_given_and_text_otherwise() {
        for (base64, bytes) in [
            (Some("Yf9i"), &b"a\xffb"[..]),
            (Some(""), b""),
            (None, "a\u{fffd}b".as_bytes()),
            (Some("no base64"), "a\u{fffd}b".as_bytes()),
        ] {
            let chunk = OutputChunkView {
                stream: "stdout".into(),
                offset: 0,
                at: String::new(),
                text: "a\u{fffd}b".into(),
                base64: base64.map(str::to_owned),
            };
            assert_eq!(chunk_bytes(&chunk), bytes, "{base64:?}");
        }
    }
}
