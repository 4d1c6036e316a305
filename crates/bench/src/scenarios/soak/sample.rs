//! What a server takes at a moment: memory, files, threads, space on disk.

use crate::measure::usage::{children, resident_bytes};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The processes and files of a server.
pub(super) struct Process {
    server: u32,
    guardian: u32,
    database: PathBuf,
    wal: PathBuf,
}

/// What they take at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    pub(super) at_seconds: f64,
    pub(super) resident_bytes: u64,
    pub(super) guardian_resident_bytes: u64,
    pub(super) database_bytes: u64,
    pub(super) wal_bytes: u64,
    pub(super) open_files: u64,
    pub(super) threads: u64,
}

impl Process {
    /// The server of this database. Its guardian is its first child.
    pub(super) fn new(server: u32, database: &Path) -> anyhow::Result<Self> {
        let guardian = children(server).into_iter().min().context("the server has no guardian")?;
        let wal = PathBuf::from(format!("{}-wal", database.display()));
        Ok(Self { server, guardian, database: database.to_owned(), wal })
    }

    pub(super) fn sample(&self, at_seconds: f64) -> anyhow::Result<Sample> {
        let bytes = |path: &Path| path.metadata().map_or(0, |metadata| metadata.len());
        let entries = |name: &str| -> anyhow::Result<u64> {
            Ok(std::fs::read_dir(format!("/proc/{}/{name}", self.server))?.count().try_into()?)
        };
        Ok(Sample {
            at_seconds,
            resident_bytes: resident_bytes(self.server).context("the server is gone")?,
            guardian_resident_bytes: resident_bytes(self.guardian).context("the guardian is gone")?,
            database_bytes: bytes(&self.database),
            wal_bytes: bytes(&self.wal),
            open_files: entries("fd")?,
            threads: entries("task")?,
        })
    }
}

impl Sample {
    pub(super) fn json(&self) -> Value {
        json!({
            "at_seconds": self.at_seconds.round(),
            "resident_bytes": self.resident_bytes,
            "guardian_resident_bytes": self.guardian_resident_bytes,
            "database_bytes": self.database_bytes,
            "wal_bytes": self.wal_bytes,
            "open_files": self.open_files,
            "threads": self.threads,
        })
    }

    /// Tells whoever waits how it goes.
    pub(super) fn tell(&self) -> anyhow::Result<()> {
        Ok(writeln!(std::io::stderr().lock(), "{}", self.json())?)
    }
}
