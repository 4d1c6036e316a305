//! The API over a real service on a real database file.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "shared functions of tests fail by panicking"
)]

mod api_keys;
mod audit;
mod auth;
mod bulk;
mod chains;
mod conditions;
mod defence;
mod dry_run;
mod errors;
mod events;
mod executions;
mod failed_keys;
mod harness;
mod hostile;
mod jobs;
mod lists;
mod log;
mod probes;
mod records;
mod restricted;
mod server;
mod sessions;
mod specification;
mod specification_walk;
mod time;
mod webhooks;
