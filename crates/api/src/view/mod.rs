//! Records of the domain as the wire has them.

pub(crate) mod access;
pub(crate) mod audit;
pub(crate) mod bulk;
pub(crate) mod chain;
pub(crate) mod event;
pub(crate) mod execution;
pub(crate) mod job;
pub(crate) mod output;
pub(crate) mod records;
pub(crate) mod system;
pub(crate) mod text;
pub(crate) mod webhook;
