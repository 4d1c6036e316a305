//! `restore`: makes the database of a backup, where none is.

use super::{CommandError, require_file, size};
use crate::cli::Restore;
use crate::settings::Settings;
use oneoff::{Clock as _, SystemClock};
use std::io::Write;
use std::time::Instant;

/// Restores a backup, and says so to `out`.
///
/// # Errors
/// The backup cannot be used, or there is a database or a server already.
pub fn run(options: &Restore, settings: &Settings, out: &mut impl Write) -> Result<(), CommandError> {
    require_file(settings, "restore", "pg_restore")?;
    let began = Instant::now();
    let copied = oneoff_storage::restore(&options.backup, &settings.db_path, SystemClock.now())?;
    writeln!(
        out,
        "restored {} to {}: {} jobs, {}, in {:.1} s",
        options.backup.display(),
        copied.path.display(),
        copied.jobs,
        size(copied.bytes),
        began.elapsed().as_secs_f64()
    )?;
    let seconds = settings.hold_overdue_after.map_or(0, |after| after.as_secs());
    writeln!(
        out,
        "At its first start every job that is overdue by more than {seconds} s is held, as it may have run after the \
         backup was made. Look at them with `oneoff jobs list --status held`; release all with \
         `oneoff jobs release --all --reason restore`."
    )?;
    Ok(())
}
