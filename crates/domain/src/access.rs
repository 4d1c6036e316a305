//! What an API key may do.

use crate::job::named;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

named! {
    /// A permission of a key. Each gives those before it as well.
    KeyScope {
        /// To read.
        Read = "read",
        /// To change jobs and what they belong to.
        Write = "write",
        /// To change who may do what, and how the server works.
        Admin = "admin",
    }
}

/// The scopes of a key that names none, as in OneOff v1.
pub const DEFAULT_SCOPES: [KeyScope; 2] = [KeyScope::Read, KeyScope::Write];

#[cfg(test)]
mod tests {
    use super::KeyScope;

    #[test]
    fn scopes_are_lower_case_words() {
        for scope in KeyScope::ALL {
            assert_eq!(scope.as_str().parse::<KeyScope>().as_ref(), Ok(scope));
        }
        assert!("Admin".parse::<KeyScope>().is_err() && "".parse::<KeyScope>().is_err());
    }
}
