//! Other processes: the server that is measured, this program again, and what jobs call.

pub(crate) mod again;
pub(crate) mod bare;
pub(crate) mod server;
pub(crate) mod target;
