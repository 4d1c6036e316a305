//! Executors with real processes and real HTTP over loopback.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

mod conformance;
mod guardian;
mod guardian_lease;
mod http;
mod http_network;
mod processes;
mod rate;
mod shell;
mod shell_end;
mod shell_escape;
mod support;
mod wire;
