//! The file that holds a sealing key: 64 hexadecimal digits, readable by its owner only.

use crate::sealing::{KEY_BYTES, SealingKey};
use oneoff_domain::Random;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// More than a key has, so that reading a wrong file ends early.
const FILE_MAX_BYTES: u64 = 256;
const OTHERS: u32 = 0o077;

/// Why the file of a sealing key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("cannot read the sealing key in {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("cannot write a new sealing key to {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than its owner may read or write it.
    #[error(
        "others than its owner may read the sealing key in {path} (mode {mode:04o}): run `chmod 600 {path}`",
        path = path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It holds something else.
    #[error(
        "{} holds no sealing key: it should hold 64 hexadecimal digits; restore it from a backup, as nothing that \
         was sealed with it can be opened without it",
        path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

pub(crate) fn load(path: &Path) -> Result<SealingKey, KeyFileError> {
    let unreadable = |source| KeyFileError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(KeyFileError::Exposed { path: path.to_owned(), mode });
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(FILE_MAX_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
    let key = std::str::from_utf8(&bytes).ok().and_then(SealingKey::from_text);
    key.ok_or_else(|| KeyFileError::Malformed { path: path.to_owned() })
}

pub(crate) fn load_or_create(path: &Path, random: &dyn Random) -> Result<SealingKey, KeyFileError> {
    match load(path) {
        Err(KeyFileError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        loaded => return loaded,
    }
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    random.fill(bytes.as_mut());
    match write_new(path, &SealingKey::from_bytes(*bytes), random) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
            Err(KeyFileError::Write { path: path.to_owned(), source })
        }
        // What counts is what lies in the file: another server may have been faster.
        _ => load(path),
    }
}

/// Writes the whole key beside `path` and links it there: the file is complete or not there, and one that is
/// there is never replaced.
fn write_new(path: &Path, key: &SealingKey, random: &dyn Random) -> io::Result<()> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".{:016x}.tmp", random.next_u64()));
    let draft = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = file
        .write_all(key.to_text().as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::hard_link(&draft, path));
    let removed = std::fs::remove_file(&draft);
    written.and(removed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Counting;
    use std::fs::{Permissions, set_permissions, write};

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_key_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("oneoff.key");
        let made = load_or_create(&path, &Counting::default()).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(load(&path).unwrap().id(), made.id());
        assert_eq!(load_or_create(&path, &Counting::from(9)).unwrap().id(), made.id(), "it is not replaced");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn of_many_at_the_same_time_all_get_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("oneoff.key");
        let start = std::sync::Barrier::new(8);
        let make = |seed| {
            start.wait();
            load_or_create(&path, &Counting::from(seed)).unwrap().id().to_owned()
        };
        let ids: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|seed| scope.spawn(move || make(seed * 1000))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_with_the_command_that_helps() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("oneoff.key");
        load_or_create(&path, &Counting::default()).unwrap();
        for exposed in [0o640, 0o604, 0o660, 0o601] {
            set_permissions(&path, Permissions::from_mode(exposed)).unwrap();
            let error = load_or_create(&path, &Counting::default()).unwrap_err().to_string();
            assert!(error.ends_with(&format!("run `chmod 600 {}`", path.display())), "{error}");
        }
        set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert!(load(&path).is_ok());
    }

    #[test]
    fn what_is_no_key_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("oneoff.key");
        for content in [&b""[..], b"hello", &[0xff; 32], &[b'0'; 63], &[b'0'; 1000]] {
            write(&path, content).unwrap();
            set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            assert!(matches!(
                load_or_create(&path, &Counting::default()),
                Err(KeyFileError::Malformed { .. })
            ));
            assert_eq!(std::fs::read(&path).unwrap(), content);
        }
        let nowhere = folder.path().join("missing/oneoff.key");
        assert!(matches!(load_or_create(&nowhere, &Counting::default()), Err(KeyFileError::Write { .. })));
        assert!(matches!(load(folder.path()), Err(KeyFileError::Read { .. } | KeyFileError::Exposed { .. })));
    }
}
