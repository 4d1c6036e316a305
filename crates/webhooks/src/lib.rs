//! Webhooks: endpoints that are told of events, over a signed request each.
//!
//! [`Webhooks`] is what people use: it makes and changes endpoints, tries them out and shows deliveries. [`Dispatch`] is
//! the task that makes deliveries of the event outbox and sends them, on one node at a time. What is decided about an
//! event is pure: which endpoint wants it ([`filter`]), what is sent ([`payload`], [`template`]), how it is signed
//! ([`signature`]) and when it is tried again ([`schedule`]).

mod dispatch;
mod dispatcher_state;
mod draft;
mod endpoint;
pub mod error;
pub mod filter;
pub mod lead;
mod output_text;
pub mod payload;
pub mod preset;
pub mod request;
mod retry_after;
pub mod schedule;
pub mod sealing;
mod sending;
mod service;
pub mod settings;
pub mod signature;
mod stats;
mod summary;
pub mod template;
#[cfg(test)]
mod testing;

pub use dispatch::Dispatch;
pub use dispatcher_state::DispatcherState;
pub use draft::{SecretDraft, WebhookDraft, WebhookPatch};
pub use error::WebhookError;
pub use filter::{EventFilter, InvalidFilter};
pub use lead::Lead;
pub use oneoff_outbound::{BuildError, EgressPolicy};
pub use preset::Preset;
pub use request::{Delivery, Request};
pub use schedule::{Answer, Next, Schedule};
pub use sealing::Sealing;
pub use sending::Sent;
pub use service::{MadeWebhook, Redelivered, Tested, Webhooks};
pub use settings::WebhookSettings;
pub use signature::{InvalidSecret, WebhookSecret, generate_secret};
pub use stats::WebhookCounts;
