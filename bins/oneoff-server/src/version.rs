//! What this binary was built from.

/// The version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit, or `unknown`.
pub const COMMIT: &str = env!("ONEOFF_BUILD_COMMIT");
/// The line of `--version` after the program's name, worded as v1 did.
pub const LINE: &str = concat!(
    "version ",
    env!("CARGO_PKG_VERSION"),
    " (commit: ",
    env!("ONEOFF_BUILD_COMMIT"),
    ", built: ",
    env!("ONEOFF_BUILD_DATE"),
    ")"
);
