//! Room for what requests hold in memory: bodies are bounded together, not only each for itself.

use crate::error_table::ErrorCode;
use crate::problem::ApiError;
use crate::read::body::announced_bytes;
use actix_web::http::header::HeaderMap;
use oneoff_domain::limits::{BODY_MAX_BYTES, BULK_BODY_MAX_BYTES};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The unit in which room is given out.
const UNIT_BYTES: usize = 1024;
/// A body that is announced as smaller needs no room: the number of connections bounds those.
const SMALL_BYTES: usize = 16 * 1024;
/// Bytes of the larger bodies of usual requests that are read, checked or stored at the same time.
const USUAL_TOGETHER_BYTES: usize = 64 * BODY_MAX_BYTES;
/// The same for requests of many jobs.
const BULK_TOGETHER_BYTES: usize = 2 * BULK_BODY_MAX_BYTES;

/// The room that is left for bodies.
#[derive(Debug, Clone)]
pub(crate) struct BodyRoom {
    left: Arc<Semaphore>,
    body_max_bytes: usize,
    small_bytes: usize,
}

impl BodyRoom {
    /// For requests of one job and the like.
    pub(crate) fn usual() -> Self {
        Self::new(USUAL_TOGETHER_BYTES, BODY_MAX_BYTES, SMALL_BYTES)
    }

    /// For requests of many jobs.
    pub(crate) fn bulk() -> Self {
        Self::new(BULK_TOGETHER_BYTES, BULK_BODY_MAX_BYTES, 0)
    }

    fn new(together_bytes: usize, body_max_bytes: usize, small_bytes: usize) -> Self {
        let left = Arc::new(Semaphore::new(together_bytes / UNIT_BYTES));
        Self { left, body_max_bytes, small_bytes }
    }

    /// Room for the body of a request with these headers; `None` where it needs none. It is given back by dropping
    /// it, when the request is answered.
    ///
    /// # Errors
    /// Too many large bodies are under way.
    pub(crate) fn take(&self, headers: &HeaderMap) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
        let bytes = announced_bytes(headers).unwrap_or(self.body_max_bytes).min(self.body_max_bytes);
        if bytes < self.small_bytes {
            return Ok(None);
        }
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX);
        Arc::clone(&self.left).try_acquire_many_owned(units).map(Some).map_err(|_none_left| {
            let detail = "too many large requests are under way: try again in a moment";
            ApiError::new(ErrorCode::Overloaded, detail).with_retry_after(1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{CONTENT_LENGTH, HeaderValue};

    fn announcing(bytes: usize) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LENGTH, HeaderValue::from_str(&bytes.to_string()).unwrap());
        headers
    }

    #[test]
    fn large_bodies_have_room_together_and_give_it_back() {
        let room = BodyRoom::bulk();
        let unknown = HeaderMap::new();
        let first = room.take(&unknown).unwrap();
        let second = room.take(&unknown).unwrap();
        assert_eq!(room.take(&announcing(300)).unwrap_err().to_string().split(':').count(), 2);
        drop(first);
        let third = room.take(&announcing(300)).unwrap();
        assert!(room.take(&unknown).is_err(), "not all of it is there");
        drop((second, third));
        assert!(room.take(&unknown).is_ok());
    }

    #[test]
    fn small_bodies_need_no_room() {
        let room = BodyRoom::usual();
        let all: Vec<_> = (0..64).map(|_| room.take(&HeaderMap::new()).unwrap()).collect();
        assert!(room.take(&announcing(BODY_MAX_BYTES)).is_err());
        assert!(room.take(&announcing(SMALL_BYTES)).is_err());
        assert!(room.take(&announcing(SMALL_BYTES - 1)).unwrap().is_none());
        drop(all);
        assert!(room.take(&announcing(SMALL_BYTES)).unwrap().is_some());
    }
}
