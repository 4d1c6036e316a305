//! The build whose figures these are.

use serde_json::{Value, json};

/// The cargo profile of this program: `dev`, `release`, `dist`.
pub(crate) const PROFILE: &str = env!("ONEOFF_BENCH_PROFILE");
/// A digest of the migrations that this program was built with: files of another one cannot be used.
pub(crate) const SCHEMA: &str = env!("ONEOFF_BENCH_SCHEMA");

pub(crate) fn describe() -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "commit": env!("ONEOFF_BENCH_COMMIT"),
        "profile": PROFILE,
        "debug_assertions": cfg!(debug_assertions),
    })
}
