//! A disk that takes writes and fails to sync them: a file system on a loop device, whose file is on another one that
//! can be filled. What could not be synced is clean for the kernel, and gone with the machine.

use crate::small_disk::SmallDisk;
use std::path::PathBuf;
use std::process::Command;

/// As the inner file system sees it, there is always room.
const INNER_BYTES: u64 = 64 * 1024 * 1024;

pub(crate) struct FailingDisk {
    outer: SmallDisk,
    inner: tempfile::TempDir,
}

impl FailingDisk {
    /// `None` where there are no loop devices, or not for this user.
    pub(crate) fn mount(outer_mebibytes: u32) -> Option<Self> {
        let outer = SmallDisk::mount(outer_mebibytes)?;
        std::fs::File::create(outer.path("disk")).unwrap().set_len(INNER_BYTES).unwrap();
        // Without a journal, of which a failure would end all writing for good.
        succeeds(Command::new("mkfs.ext2").arg("-q").arg(outer.path("disk"))).then_some(())?;
        let disk = Self { outer, inner: tempfile::tempdir().unwrap() };
        disk.mount_inner().then_some(disk)
    }

    fn mount_inner(&self) -> bool {
        succeeds(
            Command::new("mount").args(["-o", "loop"]).arg(self.outer.path("disk")).arg(self.inner.path()),
        )
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.inner.path().join(name)
    }

    /// From now on what is written anew cannot be synced.
    pub(crate) fn fail(&self) {
        self.outer.fill_but(0);
    }

    pub(crate) fn heal(&self) {
        self.outer.free();
    }

    /// As when the machine loses its power: what the kernel took for written and is not on the disk is gone.
    pub(crate) fn lose_power(&self) {
        assert!(succeeds(Command::new("umount").arg(self.inner.path())));
        assert!(self.mount_inner());
    }
}

impl Drop for FailingDisk {
    fn drop(&mut self) {
        let unmounted = succeeds(Command::new("umount").arg("-l").arg(self.inner.path()));
        assert!(unmounted || std::thread::panicking() || !self.path("lost+found").exists());
    }
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|ended| ended.status.success())
}
