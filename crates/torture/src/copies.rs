//! Backups beside a server under load, and restores of them: each made by a process that is killed at a point, and
//! once more by one that is not.

use crate::evidence::JobRecord;
use crate::gather;
use crate::ledger::Ledger;
use crate::plan::KillAt;
use crate::server::{Place, was_killed};
use anyhow::{Context as _, Result, bail};
use oneoff_storage::{Store, StoreOptions};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::Instant;

/// So many jobs are acknowledged before a copy is made.
const JOBS_BEFORE: usize = 20;
/// How long that may take.
const JOBS_WITHIN: Duration = Duration::from_secs(20);

/// A copy of the database as it was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyRecord {
    /// Which.
    pub what: String,
    /// The ids of jobs of which an answer told before the copy was begun, by name.
    pub expected: BTreeMap<String, String>,
    /// The jobs in it.
    pub jobs: Vec<JobRecord>,
    /// What else is wrong with it, or with how it was made.
    pub faults: Vec<String>,
}

/// Makes a copy by a process that is killed at this point, then another one, and reads it.
///
/// # Errors
/// The process does not come to the point, or the copy cannot be read.
pub(crate) async fn make(place: &Place, ledger: &Ledger, kill: &KillAt, number: u64) -> Result<CopyRecord> {
    let deadline = Instant::now() + JOBS_WITHIN;
    while ledger.read(|pages| pages.ids.len()) < JOBS_BEFORE && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let copying = Copying { place, ledger, number };
    let mut record = match kill.operation() {
        "restore" => copying.restore(kill).await?,
        _ => copying.back_up(kill).await?,
    };
    record.what = format!("the copy of a life that ended at {kill}");
    Ok(record)
}

struct Copying<'a> {
    place: &'a Place,
    ledger: &'a Ledger,
    number: u64,
}

impl Copying<'_> {
    async fn back_up(&self, kill: &KillAt) -> Result<CopyRecord> {
        let target = self.place.directory.join(format!("backup-{}.db", self.number));
        let mut expected = self.acknowledged();
        self.run("backup", &target, &self.place.database(), Some(kill)).await?;
        let mut faults = half_made(&target, kill);
        if !target.exists() {
            // A job that was told of meanwhile has to be in the second one.
            expected = self.acknowledged();
            let again = self.run("backup", &target, &self.place.database(), None).await?;
            faults.extend((!again.success()).then(|| format!("the next backup failed with {again}")));
        }
        let jobs = read(target, false, &mut faults).await?;
        Ok(CopyRecord { what: String::new(), expected, jobs, faults })
    }

    async fn restore(&self, kill: &KillAt) -> Result<CopyRecord> {
        let backup = self.place.directory.join(format!("to-restore-{}.db", self.number));
        let directory = self.place.directory.join(format!("restored-{}", self.number));
        tokio::fs::create_dir(&directory).await?;
        let target = directory.join("oneoff.db");
        let expected = self.acknowledged();
        if !self.run("backup", &backup, &self.place.database(), None).await?.success() {
            bail!("a backup without a kill failed: see {}", self.place.log().display());
        }
        self.run("restore", &backup, &target, Some(kill)).await?;
        let mut faults = half_made(&target, kill);
        let is_there = target.exists();
        let again = self.run("restore", &backup, &target, None).await?;
        if again.success() == is_there {
            faults.push(format!("{} was there: {is_there}; the next restore: {again}", target.display()));
        }
        let jobs = read(target, true, &mut faults).await?;
        Ok(CopyRecord { what: String::new(), expected, jobs, faults })
    }

    fn acknowledged(&self) -> BTreeMap<String, String> {
        self.ledger.read(|pages| pages.ids.clone())
    }

    /// Runs a command of the server to its end. With a kill it has to be killed.
    async fn run(
        &self,
        word: &str,
        path: &Path,
        database: &Path,
        kill: Option<&KillAt>,
    ) -> Result<ExitStatus> {
        let mut command = Command::new(&self.place.program);
        command.args([word.as_ref(), path.as_os_str()]).env_clear().env("DB_PATH", database);
        command.env("ONEOFF_KILL_AT", kill.map(ToString::to_string).unwrap_or_default());
        let ended = command.current_dir(&self.place.directory).output().await?;
        if kill.is_some() && !was_killed(ended.status) {
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            bail!("`{word}` was not killed, but ended with {}: {said}", ended.status);
        }
        Ok(ended.status)
    }
}

/// A file has its name when it is whole, and not before.
fn half_made(target: &Path, kill: &KillAt) -> Vec<String> {
    let is_made = kill.point.ends_with(".after_rename");
    let wrong = target.exists() != is_made;
    wrong
        .then(|| format!("killed at {kill}, {} is there: {}", target.display(), !is_made))
        .into_iter()
        .collect()
}

/// The jobs of a copy. What is wrong with it is added to `faults`.
async fn read(path: PathBuf, is_restored: bool, faults: &mut Vec<String>) -> Result<Vec<JobRecord>> {
    let store = tokio::task::spawn_blocking(move || Store::open(StoreOptions::new(path), gather::now()))
        .await?
        .context("a copy cannot be opened")?;
    faults.extend(store.inconsistencies().await?);
    if is_restored && store.unsettled_restore().await?.is_none() {
        faults.push("what is overdue after the restore would not be held".to_owned());
    }
    let jobs = gather::jobs(&store).await?;
    tokio::task::spawn_blocking(move || store.close()).await?;
    Ok(jobs)
}
