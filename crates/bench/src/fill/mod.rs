//! Filling databases by calls of the store, as fast as it takes jobs.

pub(crate) mod content;
pub(crate) mod due;
pub(crate) mod history;
pub(crate) mod jobs;
pub(crate) mod store;
