//! The API over a real service on a real database file.

mod auth;
mod conditions;
mod defence;
mod errors;
mod events;
mod executions;
mod harness;
mod jobs;
mod lists;
mod log;
mod probes;
mod server;
mod time;
