//! Waits for the end of a process without reaping it: until it is reaped, no other process can get its
//! number, and its group can be ended safely.

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::io;
#[cfg(target_os = "linux")]
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A process whose end is awaited.
pub(super) struct ExitWatch {
    pid: Pid,
    by: By,
}

enum By {
    /// The descriptor is readable when the process has ended.
    #[cfg(target_os = "linux")]
    Descriptor(AsyncFd<std::os::fd::OwnedFd>),
    /// Other systems, and Linux out of descriptors: look again whenever any child has ended.
    ChildSignal(Signal),
}

impl ExitWatch {
    /// Watches a child of this process.
    pub(super) fn new(pid: Pid) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Ok(descriptor) = open_descriptor(pid) {
            return Ok(Self { pid, by: By::Descriptor(descriptor) });
        }
        Ok(Self { pid, by: By::ChildSignal(signal(SignalKind::child())?) })
    }

    /// Returns when the process has ended. It is still there as a zombie. May be called again.
    pub(super) async fn ended(&mut self) -> io::Result<()> {
        loop {
            if has_ended(self.pid)? {
                return Ok(());
            }
            match &mut self.by {
                #[cfg(target_os = "linux")]
                By::Descriptor(descriptor) => {
                    let mut ready = descriptor.readable().await?;
                    if has_ended(self.pid)? {
                        return Ok(());
                    }
                    ready.clear_ready();
                }
                By::ChildSignal(signal) => {
                    signal.recv().await;
                }
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[expect(deprecated, reason = "sound for a descriptor that is owned; its successor is an unsafe function")]
fn open_descriptor(pid: Pid) -> io::Result<AsyncFd<std::os::fd::OwnedFd>> {
    use rustix::process::{PidfdFlags, pidfd_open};
    let descriptor = pidfd_open(pid, PidfdFlags::NONBLOCK)?;
    AsyncFd::with_interest(descriptor, tokio::io::Interest::READABLE)
}

/// Whether a child has ended, which it has also when it was reaped.
fn has_ended(pid: Pid) -> io::Result<bool> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    match waitid(WaitId::Pid(pid), options) {
        Ok(status) => Ok(status.is_some()),
        Err(rustix::io::Errno::CHILD) => Ok(true),
        Err(error) => Err(error.into()),
    }
}
