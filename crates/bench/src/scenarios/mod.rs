//! The scenarios: each answers one question with figures.

pub(crate) mod bulk;
pub(crate) mod burst;
pub(crate) mod create;
pub(crate) mod due_at_once;
pub(crate) mod engine;
pub(crate) mod failover;
pub(crate) mod idle;
pub(crate) mod lateness;
pub(crate) mod noop;
pub(crate) mod punctual;
pub(crate) mod read_cases;
pub(crate) mod reads;
pub(crate) mod restart;
pub(crate) mod soak;
pub(crate) mod throughput;
