//! Room for answers until they are sent: large ones are bounded together, as a client may take in as little of one
//! as it likes.

use crate::error_table::ErrorCode;
use crate::problem::ApiError;
use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The unit in which room is given out.
const UNIT_BYTES: usize = 1024;
/// A smaller answer needs no room: the number of connections bounds those.
const SMALL_BYTES: usize = 64 * 1024;
/// Bytes of the larger answers that are under way at the same time.
const TOGETHER_BYTES: usize = 64 * 1024 * 1024;
/// An answer is handed over in such pieces, so that there is no second copy of it in the buffer of its connection.
const PIECE_BYTES: usize = 32 * 1024;

/// The room that is left for answers.
#[derive(Debug, Clone)]
pub(crate) struct AnswerRoom {
    left: Arc<Semaphore>,
    together_bytes: usize,
}

/// Room that was given out. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Held {
    _permit: Option<OwnedSemaphorePermit>,
}

impl AnswerRoom {
    /// All of it.
    pub(crate) fn new() -> Self {
        Self::of(TOGETHER_BYTES)
    }

    fn of(together_bytes: usize) -> Self {
        Self { left: Arc::new(Semaphore::new(together_bytes / UNIT_BYTES)), together_bytes }
    }

    /// Room for an answer of about so many bytes.
    ///
    /// # Errors
    /// Too many large answers are under way.
    pub(crate) fn take(&self, bytes: usize) -> Result<Held, ApiError> {
        if bytes < SMALL_BYTES {
            return Ok(Held { _permit: None });
        }
        let units = u32::try_from(bytes.min(self.together_bytes) / UNIT_BYTES).unwrap_or(u32::MAX);
        let taken = Arc::clone(&self.left).try_acquire_many_owned(units);
        taken.map(|permit| Held { _permit: Some(permit) }).map_err(|_none_left| {
            let detail =
                "too many large answers are under way: try again in a moment, or ask for less at a time";
            ApiError::new(ErrorCode::Overloaded, detail).with_retry_after(1)
        })
    }

    /// The answer to a read, which has its room until it is sent.
    ///
    /// # Errors
    /// Too many large answers are under way.
    pub(crate) fn hold(&self, response: HttpResponse) -> Result<HttpResponse, ApiError> {
        let (response, body) = response.into_parts();
        match body.try_into_bytes() {
            Ok(bytes) => {
                let room = self.take(bytes.len())?;
                Ok(response.set_body(room.hold(bytes)))
            }
            Err(body) => Ok(response.set_body(body)),
        }
    }
}

impl Held {
    /// A body that has this room until it is sent.
    pub(crate) fn hold(self, bytes: Bytes) -> BoxBody {
        BoxBody::new(HeldBody { left: bytes, _room: self })
    }
}

struct HeldBody {
    left: Bytes,
    // Given back when the last piece was handed over, or when the connection ends.
    _room: Held,
}

impl MessageBody for HeldBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(u64::try_from(self.left.len()).unwrap_or(u64::MAX))
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let left = &mut self.get_mut().left;
        let piece = left.split_to(left.len().min(PIECE_BYTES));
        Poll::Ready((!piece.is_empty()).then_some(Ok(piece)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;

    fn answer(bytes: usize) -> HttpResponse {
        HttpResponse::Ok().body(vec![b'x'; bytes])
    }

    #[actix_web::test]
    async fn large_answers_have_room_until_they_are_sent() {
        let room = AnswerRoom::of(4 * SMALL_BYTES);
        let first = room.hold(answer(3 * SMALL_BYTES)).unwrap();
        assert_eq!(first.body().size(), BodySize::Sized(u64::try_from(3 * SMALL_BYTES).unwrap()));
        assert!(room.hold(answer(2 * SMALL_BYTES)).is_err());
        let second = room.hold(answer(SMALL_BYTES)).unwrap();
        assert!(room.hold(answer(SMALL_BYTES)).is_err());
        room.hold(answer(SMALL_BYTES - 1)).unwrap();
        assert_eq!(to_bytes(first.into_body()).await.unwrap(), vec![b'x'; 3 * SMALL_BYTES]);
        drop(second);
        room.hold(answer(9 * SMALL_BYTES)).unwrap();
        assert!(room.hold(answer(4 * SMALL_BYTES)).is_ok(), "what was not sent has given its room back");
    }
}
