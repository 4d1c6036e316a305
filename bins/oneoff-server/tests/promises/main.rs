//! The promises, kept by the built binary: killed, stopped, loaded, restarted.

mod concurrency;
mod kill_rounds;
mod server;
mod stopped;
