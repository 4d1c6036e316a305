//! The answer to an outgoing request, whose body is read piece by piece.

use crate::OutboundError;
use crate::http::{HeaderMap, StatusCode, Version};
use crate::request::host_of;
use bytes::Bytes;
use url::Url;

/// The answer to an outgoing request.
#[derive(Debug)]
pub struct OutboundResponse {
    pub(crate) inner: reqwest::Response,
    pub(crate) url: Url,
    pub(crate) redirects: u32,
}

impl OutboundResponse {
    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.inner.status()
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// The protocol's version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.inner.version()
    }

    /// Where it came from in the end, without user name and password.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// How many redirects led there.
    #[must_use]
    pub fn redirects(&self) -> u32 {
        self.redirects
    }

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// [`OutboundError::BrokenOff`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, OutboundError> {
        let host = &self.url;
        self.inner.chunk().await.map_err(|error| OutboundError::BrokenOff {
            host: host_of(host),
            source: Box::new(error.without_url()),
        })
    }
}
