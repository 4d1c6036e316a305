//! A file system of a few megabytes that a test can fill and make read-only.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Set where a test runs in a name space of its own, in which it may mount.
const NESTED: &str = "ONEOFF_TEST_IN_NAMESPACE";

pub(crate) struct SmallDisk {
    directory: tempfile::TempDir,
}

/// Runs `test` on a small disk. Where this process may not mount one, the test runs once more in a name space of
/// its own; where that is not possible either, it fails.
pub(crate) fn on_small_disk(mebibytes: u32, test: impl FnOnce(&SmallDisk)) {
    if let Some(disk) = SmallDisk::mount(mebibytes) {
        return test(&disk);
    }
    let needs = "this test has to mount a file system: run it as root, or allow user name spaces";
    assert!(std::env::var_os(NESTED).is_none(), "{needs}");
    let thread = std::thread::current();
    let mut again = Command::new("unshare");
    again.args(["--user", "--map-root-user", "--mount"]).arg(std::env::current_exe().unwrap());
    again.args(["--exact", thread.name().unwrap(), "--nocapture"]).env(NESTED, "yes");
    let ended = again.output().unwrap_or_else(|error| panic!("{needs}: {error}"));
    std::io::stderr().write_all(&ended.stderr).unwrap();
    assert!(
        ended.status.success(),
        "{needs}; or it failed there: {}",
        String::from_utf8_lossy(&ended.stdout)
    );
}

impl SmallDisk {
    pub(crate) fn mount(mebibytes: u32) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"]).arg(directory.path());
        let mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then_some(Self { directory })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Takes all room but so many bytes.
    pub(crate) fn fill_but(&self, bytes: u64) {
        let found = rustix::fs::statvfs(self.directory.path()).unwrap();
        let free = found.f_bavail * found.f_frsize;
        let ballast = std::fs::File::create(self.path("ballast")).unwrap();
        let length = usize::try_from(free.saturating_sub(bytes)).unwrap();
        (&ballast).write_all(&vec![1; length]).unwrap();
    }

    /// Takes what room there is left, after some was taken.
    pub(crate) fn fill_rest(&self) {
        let mut ballast = std::fs::File::options().append(true).open(self.path("ballast")).unwrap();
        while ballast.write_all(&[1; 4096]).is_ok() {}
    }

    pub(crate) fn free(&self) {
        std::fs::remove_file(self.path("ballast")).unwrap();
    }

    pub(crate) fn remount(&self, how: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,{how}")]).arg(self.directory.path());
        assert!(mount.status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let directory: &Path = self.directory.path();
        let unmounted = Command::new("umount").arg("-l").arg(directory).status();
        assert!(unmounted.unwrap().success() || std::thread::panicking());
    }
}
