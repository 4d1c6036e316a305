//! Tasks that look at the store, do what is due and say when to look again. A signal only means "look now".

pub(crate) mod alive;
pub(crate) mod bell;
pub(crate) mod holds;
pub(crate) mod key_use;
pub(crate) mod nodes;
pub(crate) mod numbering;
pub(crate) mod retention;
pub(crate) mod search;
