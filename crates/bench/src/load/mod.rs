//! The load generator: one thread, many connections, ready-made requests, so that it takes little of the CPUs
//! that it shares with the server.

pub(crate) mod connection;
pub(crate) mod drive;
pub(crate) mod requests;
