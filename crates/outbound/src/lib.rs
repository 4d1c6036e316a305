//! The only builder of outgoing HTTP clients, so that every request obeys one address policy: the name is
//! resolved, each address is judged, and exactly a judged address is dialled, for every redirect anew.
//!
//! No type of the HTTP library is part of this interface but those of the `http` crate.

pub mod address;
pub mod client;
pub mod error;
pub mod policy;
mod redirect;
pub mod request;
mod resolver;
pub mod response;
mod tls;

pub use client::{ClientSettings, OutboundClient};
pub use error::{BuildError, OutboundError};
pub use policy::{AddressRefused, EgressPolicy, UnknownPolicy};
pub use redirect::is_credential;
pub use request::OutboundRequest;
pub use response::OutboundResponse;

/// The vocabulary of HTTP.
pub mod http {
    pub use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
    pub use reqwest::{Method, StatusCode, Version};
}
