//! The database file: one descriptor in this process, held for as long as any connection to the file is.
//!
//! SQLite locks with POSIX record locks, and closing any descriptor of a file drops all such locks that the
//! process has on it. So nobody but SQLite and this module opens the file, and what is opened here is closed
//! only after the last connection. Files are told apart by device and inode, whatever their paths are.

use std::collections::BTreeMap;
use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// On other systems `flock` and record locks are of one kind, and SQLite would be locked out by its own process.
const FLOCK_LEAVES_RECORD_LOCKS_ALONE: bool = cfg!(target_os = "linux");

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

#[derive(Default)]
struct Opened {
    // The first one is used. More are there only if a path became another file while it was opened.
    files: Vec<File>,
    users: usize,
    is_served: bool,
}

type Files = BTreeMap<Identity, Opened>;

static FILES: Mutex<Files> = Mutex::new(BTreeMap::new());

fn files() -> MutexGuard<'static, Files> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An open database file.
#[derive(Debug)]
pub(crate) struct DatabaseFile {
    identity: Identity,
}

/// How files are made: for nobody but the server's own user, because configs and outputs hold secrets. What
/// SQLite makes beside the database has the database's rights.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Whether this process has the file open as a database.
pub(crate) fn is_open_here(metadata: &Metadata) -> bool {
    files().contains_key(&Identity::of(metadata))
}

impl DatabaseFile {
    /// Opens the file, or makes an empty one. What this process has open already is not opened again.
    pub(crate) fn open(path: &Path) -> io::Result<Arc<Self>> {
        let mut files = files();
        if let Ok(metadata) = std::fs::metadata(path) {
            let identity = Identity::of(&metadata);
            if let Some(opened) = files.get_mut(&identity) {
                opened.users += 1;
                return Ok(Arc::new(Self { identity }));
            }
        }
        let file = private().read(true).create(true).truncate(false).open(path)?;
        let identity = Identity::of(&file.metadata()?);
        let opened = files.entry(identity).or_default();
        opened.files.push(file);
        opened.users += 1;
        Ok(Arc::new(Self { identity }))
    }

    /// Whether the path leads to this file.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|found| Identity::of(&found) == self.identity)
    }

    /// The first bytes of the file, at most `length`.
    pub(crate) fn beginning(&self, length: usize) -> io::Result<Vec<u8>> {
        let files = files();
        let Some(file) = files.get(&self.identity).and_then(|opened| opened.files.first()) else {
            return Ok(Vec::new());
        };
        let mut bytes = vec![0; length];
        let mut read = 0;
        while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, u64::try_from(read).unwrap_or(u64::MAX)) {
                Ok(0) => break,
                Ok(count) => read += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(read);
        Ok(bytes)
    }

    /// Makes this the only server of the file; `false` if there is one, in this or in another process.
    pub(crate) fn serve(&self) -> io::Result<bool> {
        let mut files = files();
        let Some(opened) = files.get_mut(&self.identity).filter(|opened| !opened.is_served) else {
            return Ok(false);
        };
        if FLOCK_LEAVES_RECORD_LOCKS_ALONE && let Some(file) = opened.files.first() {
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(false),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        opened.is_served = true;
        Ok(true)
    }

    /// Lets another server have the file. It stays open.
    pub(crate) fn stop_serving(&self) {
        let mut files = files();
        let Some(opened) = files.get_mut(&self.identity) else { return };
        opened.is_served = false;
        if FLOCK_LEAVES_RECORD_LOCKS_ALONE && let Some(Err(error)) = opened.files.first().map(File::unlock) {
            tracing::error!(%error, "the database file stays locked until it is closed");
        }
    }
}

impl Drop for DatabaseFile {
    // Closed while the map is locked: nobody can open the file anew in between.
    fn drop(&mut self) {
        let mut files = files();
        let Some(opened) = files.get_mut(&self.identity) else { return };
        opened.users -= 1;
        if opened.users == 0 {
            files.remove(&self.identity);
        }
    }
}
