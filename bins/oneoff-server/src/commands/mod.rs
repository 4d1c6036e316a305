//! What the binary can be told to do, one file per command.

pub mod backup;
pub mod check_config;
pub mod healthcheck;
pub mod keys;
pub mod migrate;
pub mod migrate_data;
pub mod progress;
pub mod restore;
pub mod serve;

/// The boxed error of a command: it is printed once, with what caused it.
pub type CommandError = Box<dyn std::error::Error + Send + Sync>;

/// A size for people.
fn size(bytes: u64) -> String {
    let bytes = u32::try_from(bytes / 1024).map_or(f64::MAX, f64::from);
    if bytes < 1024.0 { format!("{bytes:.0} KiB") } else { format!("{:.1} MiB", bytes / 1024.0) }
}
