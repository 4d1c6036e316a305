//! Where the newest backup is: noted in a file beside the database, because a damaged one cannot be asked.

use super::mark;
use crate::connect::APPLICATION_ID;
use crate::database_file::{is_open_here, private};
use crate::lock::real_path;
use oneoff_domain::Timestamp;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What is added to the database's name.
const SUFFIX: &str = ".last-backup";
/// Files of the directory that are looked at where nothing is noted.
const FILES_MAX: usize = 1000;
/// Where an SQLite file has the mark of its program.
const APPLICATION_ID_AT: std::ops::Range<usize> = 68..72;

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastBackup {
    /// Where it was written.
    pub(crate) path: PathBuf,
    /// When.
    pub(crate) made_at: Timestamp,
}

/// The note beside a database, where there is one.
pub(crate) fn note_beside(database: &Path) -> Option<PathBuf> {
    Some(note_of(database)).filter(|note| note.is_file())
}

fn note_of(database: &Path) -> PathBuf {
    let mut path = OsString::from(database);
    path.push(SUFFIX);
    path.into()
}

/// Notes a backup, instead of the one before. A note that is half written is as good as none.
pub(super) fn record(database: &Path, backup: &LastBackup) -> io::Result<()> {
    let note = note_of(database);
    let mut half = OsString::from(&note);
    half.push("-partial");
    let mut file = private().create(true).truncate(true).open(&half)?;
    file.write_all(&serde_json::to_vec(backup)?)?;
    file.sync_all()?;
    std::fs::rename(half, note)
}

/// The newest backup that is known and still there: the one that is noted, or the newest file beside the
/// database that is a backup of one of ours.
pub(crate) fn newest(database: &Path) -> Option<PathBuf> {
    let noted = std::fs::read(note_of(database)).ok();
    let noted: Option<LastBackup> = noted.and_then(|text| serde_json::from_slice(&text).ok());
    match noted.filter(|backup| backup.path.is_file()) {
        Some(backup) => Some(backup.path),
        None => newest_beside(database),
    }
}

fn newest_beside(database: &Path) -> Option<PathBuf> {
    let itself = real_path(database).ok()?;
    let mut newest: Option<(SystemTime, PathBuf)> = None;
    for entry in std::fs::read_dir(itself.parent()?).ok()?.take(FILES_MAX).filter_map(Result::ok) {
        let path = entry.path();
        if path == itself || !is_backup(&path) {
            continue;
        }
        let Ok(written_at) = entry.metadata().and_then(|found| found.modified()) else { continue };
        if newest.as_ref().is_none_or(|(time, _)| *time < written_at) {
            newest = Some((written_at, path));
        }
    }
    newest.map(|(_, path)| path)
}

/// Whether the file begins as a backup does.
pub(crate) fn is_backup(path: &Path) -> bool {
    // Closing another descriptor of a file that SQLite has open would end its locks.
    let is_file = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && !is_open_here(&found));
    let mut begin = [0; 100];
    is_file
        && File::open(path).and_then(|mut file| file.read_exact(&mut begin)).is_ok()
        && begin.starts_with(b"SQLite format 3\0")
        && begin.get(APPLICATION_ID_AT) == Some(&APPLICATION_ID.to_be_bytes())
        && mark::is_in(&begin)
}
