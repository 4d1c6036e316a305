//! Outer names of jobs, executions and chains (UUIDv7 text) and the store's inner key of a job.

use crate::{Random, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// Text that is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id: an id is a UUID such as 0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10")]
pub struct InvalidId(pub String);

fn time_ordered(now: Timestamp, random: &dyn Random) -> Uuid {
    let mut tail = [0; 10];
    random.fill(&mut tail);
    let millis = u64::try_from(now.as_micros() / 1_000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}

/// A new outer name for a record other than jobs and executions: a UUIDv7 as text.
#[must_use]
pub fn new_record_id(now: Timestamp, random: &dyn Random) -> String {
    time_ordered(now, random).hyphenated().to_string()
}

/// Reads a UUID with its hyphens, or as 32 hexadecimal digits as version 1 of OneOff wrote its ids.
fn parse(text: &str) -> Result<Uuid, InvalidId> {
    let invalid = || InvalidId(text.chars().take(64).collect());
    // The other forms that `parse_str` knows have braces or a prefix, and nobody writes ids so.
    if !matches!(text.len(), 32 | 36) {
        return Err(invalid());
    }
    Uuid::parse_str(text).map_err(|_invalid| invalid())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// A new time-ordered id (UUIDv7, RFC 9562 section 5.7).
            #[must_use]
            pub fn generate(now: Timestamp, random: &dyn Random) -> Self {
                Self(time_ordered(now, random))
            }

            /// The id as a UUID.
            #[must_use]
            pub fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    };
}

id! {
    /// The outer name of a job.
    JobId
}
id! {
    /// The outer name of an execution, which is one attempt of a job.
    ExecutionId
}
id! {
    /// The outer name of a webhook.
    WebhookId
}
id! {
    /// The outer name of a delivery, which is one event for one webhook.
    DeliveryId
}

id! {
    /// The outer name of a chain.
    ChainId
}
id! {
    /// The outer name of one execution of a chain.
    ChainExecutionId
}

/// The store's inner key of a job: narrow, and in the order of creation. It never leaves the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKey(pub i64);
