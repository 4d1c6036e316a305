//! Where PostgreSQL's programs are, and as whom they run.

use crate::FixtureError;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian has them, by version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The programs of one installation.
#[derive(Debug, Clone)]
pub(crate) struct Binaries {
    directory: PathBuf,
    run_as: Option<(u32, u32)>,
}

impl Binaries {
    /// Looks for them: the newest of Debian's, then those in `PATH`.
    pub(crate) fn find() -> Result<Self, FixtureError> {
        let has_all =
            |folder: &PathBuf| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file());
        let directory = of_debian(Path::new(DEBIAN)).into_iter().chain(in_path("initdb")).find(has_all);
        Ok(Self { directory: directory.ok_or(FixtureError::NotInstalled)?, run_as: unprivileged()? })
    }

    /// One of the programs, as the user that runs the server.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.directory.join(name));
        if let Some((user, group)) = self.run_as {
            command.uid(user).gid(group);
        }
        // The locale of the messages, not that of the database.
        command.env("LC_ALL", "C.UTF-8").current_dir("/");
        command
    }

    /// Gives a file to the user that runs the server.
    pub(crate) fn give(&self, path: &Path) -> Result<(), FixtureError> {
        let Some((user, group)) = self.run_as else { return Ok(()) };
        std::os::unix::fs::chown(path, Some(user), Some(group))
            .map_err(|source| FixtureError::Files { path: path.to_owned(), source })
    }
}

/// The client, wherever it is: a server of somebody else may be the only one there is.
pub(crate) fn psql() -> Result<Command, FixtureError> {
    let is_there = |folder: &PathBuf| folder.join("psql").is_file();
    let directory = of_debian(Path::new(DEBIAN)).into_iter().chain(in_path("psql")).find(is_there);
    let mut command = Command::new(directory.ok_or(FixtureError::NotInstalled)?.join("psql"));
    command.current_dir("/").args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"]);
    command.args(["--set", "ON_ERROR_STOP=1"]);
    Ok(command)
}

/// The folders of Debian's versions, the newest first.
fn of_debian(root: &Path) -> Vec<PathBuf> {
    let entries = root.read_dir().into_iter().flatten().flatten();
    let version = |name: &str| name.parse::<u32>().ok();
    let mut versions: Vec<u32> = entries.filter_map(|entry| version(entry.file_name().to_str()?)).collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    versions.into_iter().map(|version| root.join(version.to_string()).join("bin")).collect()
}

fn in_path(program: &str) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).filter_map(|folder| folder.join(program).canonicalize().ok());
    found.filter_map(|program| Some(program.parent()?.to_owned())).collect()
}

/// As whom the server runs where the tests run as root, which it refuses.
fn unprivileged() -> Result<Option<(u32, u32)>, FixtureError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let path = PathBuf::from("/etc/passwd");
    let text = std::fs::read_to_string(&path).map_err(|source| FixtureError::Files { path, source })?;
    let of = |name: &str| text.lines().find_map(|line| ids_of(line, name));
    of("postgres").or_else(|| of("nobody")).map(Some).ok_or(FixtureError::NoUser)
}

/// The ids in a line of `/etc/passwd`, if it is that of the user.
fn ids_of(line: &str, user: &str) -> Option<(u32, u32)> {
    let mut fields = line.split(':');
    if fields.next() != Some(user) {
        return None;
    }
    Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{ids_of, of_debian};

    #[test]
    fn the_newest_version_comes_first() {
        let root = tempfile::tempdir().unwrap();
        for name in ["9", "15", "common", "14"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        let found: Vec<_> = ["15", "14", "9"].map(|version| root.path().join(version).join("bin")).into();
        assert_eq!(of_debian(root.path()), found);
        assert!(of_debian(&root.path().join("absent")).is_empty());
    }

    #[test]
    fn users_are_read_by_their_whole_name() {
        let line = "postgres:x:105:109:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash";
        assert_eq!(ids_of(line, "postgres"), Some((105, 109)));
        assert_eq!(ids_of(line, "post"), None);
        assert_eq!(ids_of("postgres:x:many:1", "postgres"), None);
        assert_eq!(ids_of("", "postgres"), None);
    }
}
