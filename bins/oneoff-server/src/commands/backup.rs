//! `backup`: a checked copy of the database in one file, beside a server that runs or without one.

use super::{CommandError, require_file, size};
use crate::cli::Backup;
use crate::settings::Settings;
use oneoff::{Clock as _, SystemClock};
use std::io::Write;
use std::time::Instant;

/// How much less the processor is this command's than the server's.
const NICENESS: i32 = 10;

/// Makes a backup, and says so to `out`.
///
/// # Errors
/// The database cannot be read, or the copy not be written.
pub fn run(options: &Backup, settings: &Settings, out: &mut impl Write) -> Result<(), CommandError> {
    require_file(settings, "backup", "pg_dump --format=custom")?;
    // Where it is refused the backup is made with the priority of everything else.
    let _refused = rustix::process::nice(NICENESS);
    let began = Instant::now();
    let copied = oneoff_storage::back_up(&settings.db_path, &options.path, SystemClock.now())?;
    writeln!(
        out,
        "backed up {} to {}: {} jobs, {}, in {:.1} s",
        settings.db_path.display(),
        copied.path.display(),
        copied.jobs,
        size(copied.bytes),
        began.elapsed().as_secs_f64()
    )?;
    Ok(())
}
