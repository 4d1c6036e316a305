//! What can go wrong between the client and the server.

use oneoff_api_types::Problem;
use std::error::Error;
use std::time::Duration;
use url::Url;

/// Why a call brought no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server refused, and said why.
    #[error("{}", problem.detail)]
    Problem {
        /// What it said.
        problem: Box<Problem>,
        /// How long it asks the client to wait before another try.
        retry_after: Option<Duration>,
    },
    /// No answer came: nothing listens there, or the connection was lost.
    #[error("no answer from {url}")]
    Unreachable {
        /// Where it was sent.
        url: Url,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
        /// Whether the request may have reached the server.
        was_sent: bool,
    },
    /// An answer came that is not one of a OneOff server.
    #[error("{url} does not answer as a OneOff server does: {message}")]
    Protocol {
        /// Where it was sent.
        url: Url,
        /// The HTTP status.
        status: u16,
        /// What is wrong with the answer.
        message: String,
    },
    /// The settings of the client cannot be used.
    #[error("{message}")]
    Settings {
        /// What is wrong.
        message: String,
    },
}

impl ClientError {
    /// The HTTP status of the answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Problem { problem, .. } => Some(problem.status),
            Self::Protocol { status, .. } => Some(*status),
            Self::Unreachable { .. } | Self::Settings { .. } => None,
        }
    }

    /// What the server said, if it refused.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem { problem, .. } => Some(problem),
            _ => None,
        }
    }

    /// Whether it is unknown what became of a write: it was sent, and no answer came.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Unreachable { was_sent, .. } => *was_sent,
            Self::Problem { problem, .. } => problem.code == "outcome_unknown",
            Self::Protocol { .. } | Self::Settings { .. } => false,
        }
    }
}
