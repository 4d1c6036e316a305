//! The dispatcher over real stores and real HTTP on loopback.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "shared functions of tests fail by panicking"
)]

mod behaviour;
mod bounds;
mod days;
mod endpoints;
mod fickle;
mod outages;
mod panics;
mod trouble;
mod world;
