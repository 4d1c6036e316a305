//! Where a job came from, when nobody asked for that job itself.

use crate::job::named;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

named! {
    /// What makes jobs.
    OriginKind {
        /// An execution of a chain: the job is one of its links.
        Chain = "chain",
    }
}

/// What made a job, and as which of its jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// What made it.
    pub kind: OriginKind,
    /// Which one: of a chain, the id of its execution.
    pub id: String,
    /// The job's place in it, from 0.
    pub index: u32,
}
