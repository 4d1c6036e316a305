//! From an event to a signed webhook request: which endpoint wants it, what is sent, how it is signed, and when
//! it is tried again. Pure: nothing here stores, sends or waits.

pub mod filter;
pub mod payload;
pub mod request;
pub mod schedule;
pub mod signature;

pub use filter::{EventFilter, InvalidFilter};
pub use payload::{payload, test_payload};
pub use request::{Delivery, Request};
pub use schedule::{Answer, Next, after_attempt};
pub use signature::{InvalidSecret, WebhookSecret, generate_secret};
