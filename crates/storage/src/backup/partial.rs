//! A copy that is being written: under a name of its own until it is whole, so that no half backup ever has the
//! name of a whole one.

use super::BackupError;
use crate::database_file::private;
use rustix::fs::{OFlags, RenameFlags};
use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// What is added to the name until the copy is whole.
const SUFFIX: &str = ".oneoff-partial";
/// How often what was written is passed on to the disk. Left to the end it would be one long sync, for which
/// the commits of a server on the same disk would have to wait.
const SYNC_EVERY: Duration = Duration::from_millis(50);

/// A copy that is being written. Dropping it removes the file.
pub(super) struct Partial {
    target: PathBuf,
    path: PathBuf,
    // Its lock says that the file is not a left-over.
    file: File,
    is_kept: bool,
}

impl Partial {
    /// Makes the empty file beside `target`, where nothing may be yet. What an interrupted copy left is used up.
    pub(super) fn begin(target: &Path) -> Result<Self, BackupError> {
        let failed = |error| BackupError::of_file(target, error);
        let target = std::path::absolute(target).map_err(failed)?;
        refuse_existing(&target)?;
        let mut path = OsString::from(&target);
        path.push(SUFFIX);
        let path = PathBuf::from(path);
        loop {
            let mut options = private();
            options.read(true).create(true).truncate(false);
            options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
            let file = options.open(&path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(BackupError::Busy { path: target }),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            // Whoever had the lock may have renamed or removed the file before it was taken here.
            if is_file_at(&file, &path) {
                file.set_len(0).map_err(failed)?;
                return Ok(Self { target, path, file, is_kept: false });
            }
        }
    }

    /// The name the copy will have.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// The name it has until then.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The same as text, as SQL needs it.
    pub(super) fn name(&self) -> Result<&str, BackupError> {
        let not_text = || io::Error::new(ErrorKind::InvalidFilename, "the path is not valid UTF-8");
        self.path.to_str().ok_or_else(|| BackupError::of_file(&self.target, not_text()))
    }

    /// Passes on to the disk what is written, on a thread of its own.
    pub(super) fn sync_meanwhile(&self) -> Syncing {
        let (end, ended) = channel();
        let file = self.file.try_clone();
        let thread = std::thread::Builder::new().name("backup-sync".to_owned()).spawn(move || {
            let Ok(file) = file else { return };
            while ended.recv_timeout(SYNC_EVERY) == Err(RecvTimeoutError::Timeout) {
                // The sync that counts is that of the whole file: an error comes up there again or was none.
                if file.sync_data().is_err() {
                    return;
                }
            }
        });
        Syncing { end, thread: thread.ok() }
    }

    /// Syncs the copy and gives it its name. Answers that and the size. Comes by a point after each.
    pub(super) fn keep(
        mut self,
        [synced, renamed]: [&'static str; 2],
    ) -> Result<(PathBuf, u64), BackupError> {
        let failed = |error| BackupError::of_file(&self.target, error);
        self.file.sync_all().map_err(failed)?;
        let bytes = self.file.metadata().map_err(failed)?.len();
        oneoff_faults::reach(synced);
        match rename_to_new(&self.path, &self.target) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(BackupError::Exists { path: self.target.clone() });
            }
            done => done.map_err(failed)?,
        }
        self.is_kept = true;
        oneoff_faults::reach(renamed);
        let directory = self.target.parent().unwrap_or(&self.target);
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
        Ok((self.target.clone(), bytes))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the half copy cannot be removed");
        }
    }
}

/// A copy's data on its way to the disk.
pub(super) struct Syncing {
    end: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Syncing {
    pub(super) fn end(self) {
        drop(self.end);
        if self.thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that syncs a copy panicked");
        }
    }
}

fn refuse_existing(target: &Path) -> Result<(), BackupError> {
    match std::fs::symlink_metadata(target) {
        Ok(found) if found.is_dir() => Err(BackupError::of_file(target, ErrorKind::IsADirectory.into())),
        Ok(_) => Err(BackupError::Exists { path: target.to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(BackupError::of_file(target, error)),
    }
}

fn is_file_at(file: &File, path: &Path) -> bool {
    let (Ok(here), Ok(there)) = (file.metadata(), std::fs::symlink_metadata(path)) else { return false };
    (here.dev(), here.ino()) == (there.dev(), there.ino())
}

/// Renames without replacing anything, also where the file system cannot do both in one step.
fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    let cwd = rustix::fs::CWD;
    match rustix::fs::renameat_with(cwd, from, cwd, to, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => {}
        renamed => return Ok(renamed?),
    }
    match std::fs::symlink_metadata(to) {
        Ok(_) => Err(ErrorKind::AlreadyExists.into()),
        Err(_) => std::fs::rename(from, to),
    }
}
