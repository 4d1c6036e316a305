//! What is measured, and what it was measured on.

pub(crate) mod build;
pub(crate) mod machine;
pub(crate) mod percentiles;
pub(crate) mod report;
pub(crate) mod usage;
