//! What goes wrong with an outgoing request.

use crate::AddressRefused;
use std::error::Error;

/// The source of an error, whatever its library.
pub type Source = Box<dyn Error + Send + Sync>;

/// A client that cannot be built.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up outgoing HTTP: {what}")]
pub struct BuildError {
    /// Which part.
    pub what: &'static str,
    /// Why.
    #[source]
    pub source: Source,
}

/// Why there is no response, or no whole one.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The policy refuses the address.
    #[error(transparent)]
    Refused(#[from] AddressRefused),
    /// More redirects than are allowed.
    #[error("more than {0} redirects")]
    TooManyRedirects(u32),
    /// A redirect to what is no URL.
    #[error("a redirect leads to `{0}`, which is not a URL")]
    BadRedirect(String),
    /// No connection, or it broke.
    #[error("no response from {host}")]
    NoResponse {
        /// Host and port.
        host: String,
        /// Why.
        #[source]
        source: Source,
    },
    /// The response broke off.
    #[error("the response of {host} broke off")]
    BrokenOff {
        /// Host and port.
        host: String,
        /// Why.
        #[source]
        source: Source,
    },
}

impl OutboundError {
    /// A failed request, or the policy's refusal that hides in it.
    pub(crate) fn from_send(error: reqwest::Error, host: String) -> Self {
        match refusal_in(&error) {
            Some(refused) => Self::Refused(refused),
            None => Self::NoResponse { host, source: Box::new(error.without_url()) },
        }
    }

    /// The error with all its causes in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut line = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Layers that only repeat what is below or above them say nothing.
            if !line.ends_with(&text) && !is_noise(&text) {
                line.push_str(": ");
                line.push_str(&text);
            }
            cause = error.source();
        }
        line
    }
}

fn is_noise(text: &str) -> bool {
    matches!(
        text,
        "error sending request"
            | "client error (Connect)"
            | "client error (SendRequest)"
            | "request or response body error"
    )
}

fn refusal_in(error: &(dyn Error + 'static)) -> Option<AddressRefused> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<AddressRefused>() {
            return Some(refused.clone());
        }
        cause = error.source();
    }
    None
}
