//! Processes of jobs, found by what they carry: the id of an execution in their environment, and the directory
//! of their history.

use std::fs;
use std::path::Path;

/// A process, recognised also when its number is used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobProcess {
    number: String,
    start_ticks: String,
    execution: String,
}

/// The processes of executions whose jobs work in this directory, without those that are dead.
#[must_use]
pub(crate) fn of_jobs(directory: &Path) -> Vec<JobProcess> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.filter_map(|entry| job_process(&entry.ok()?.path(), directory)).collect()
}

fn job_process(path: &Path, directory: &Path) -> Option<JobProcess> {
    let number = path.file_name()?.to_str()?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let environment = fs::read(path.join("environ")).ok()?;
    let execution = environment
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(b"ONEOFF_EXECUTION_ID="))?;
    let place = directory.as_os_str().as_encoded_bytes();
    let works_there = fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd == directory);
    let names_it = || {
        let command = fs::read(path.join("cmdline")).unwrap_or_default();
        command.windows(place.len()).any(|window| window == place)
    };
    if !works_there && !names_it() {
        return None;
    }
    let stat = fs::read_to_string(path.join("stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    let start_ticks = fields.nth(18)?.to_owned();
    let is_dead = matches!(state, "Z" | "X");
    let execution = String::from_utf8_lossy(execution).into_owned();
    (!is_dead).then(|| JobProcess { number: number.to_owned(), start_ticks, execution })
}
