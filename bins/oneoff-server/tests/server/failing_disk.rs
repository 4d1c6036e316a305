//! A disk that takes writes and fails to sync them: a file system on a loop device, whose file is on another one that
//! can be filled. What could not be synced is clean for the kernel, and gone with the machine.

use crate::small_disk::SmallDisk;
use std::path::PathBuf;
use std::process::Command;

/// As large as a page, of which the outer disk has room for all or nothing.
const BLOCK_BYTES: usize = 4096;
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
        let blocks = ["-q", "-b", &BLOCK_BYTES.to_string()];
        succeeds(Command::new("mkfs.ext2").args(blocks).arg(outer.path("disk"))).then_some(())?;
        let disk = Self { outer, inner: tempfile::tempdir().unwrap() };
        disk.mount_inner().then_some(disk)
    }

    fn mount_inner(&self) -> bool {
        let mounted = succeeds(
            Command::new("mount").args(["-o", "loop"]).arg(self.outer.path("disk")).arg(self.inner.path()),
        );
        if mounted {
            self.write_block_by_block();
        }
        mounted
    }

    /// Of a request that finds room for its first blocks only, a loop device says that all of it was written. One of a
    /// single block succeeds or fails.
    fn write_block_by_block(&self) {
        let source = Command::new("findmnt")
            .args(["-n", "-o", "SOURCE"])
            .arg(self.inner.path())
            .output()
            .unwrap()
            .stdout;
        let device = String::from_utf8(source).unwrap();
        let name = device.trim().strip_prefix("/dev/").unwrap();
        let limit = format!("/sys/block/{name}/queue/max_sectors_kb");
        std::fs::write(limit, (BLOCK_BYTES / 1024).to_string()).unwrap();
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
