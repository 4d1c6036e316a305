//! The machine under a figure: processor, memory, kernel, and how long its disk takes to sync.

use crate::percentiles::summary_ms;
use serde_json::{Value, json};
use std::fs::{File, read_to_string};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;

const SYNCS: usize = 300;

pub(crate) fn describe() -> Value {
    let line_of = |file: &str, key: &str| {
        let text = read_to_string(file).ok()?;
        let line = text.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    json!({
        "cpu": line_of("/proc/cpuinfo", "model name"),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory": line_of("/proc/meminfo", "MemTotal"),
        "kernel": read_to_string("/proc/sys/kernel/osrelease").ok().map(|text| text.trim().to_owned()),
    })
}

/// How long a 4 KiB write and its `fdatasync` take on the disk of `directory`.
pub(crate) fn disk_sync(directory: &Path) -> anyhow::Result<Value> {
    let path = directory.join("sync-probe");
    let mut file = File::create(&path)?;
    let block = [7_u8; 4096];
    let mut times_us = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&block)?;
        file.sync_data()?;
        times_us.push(began.elapsed().as_micros().try_into()?);
    }
    std::fs::remove_file(path)?;
    Ok(json!({ "write_4_kib_and_sync": summary_ms(times_us) }))
}

/// Processor time that a process has used so far, in seconds; `None` where `/proc` does not say.
pub(crate) fn cpu_seconds(process_id: u32) -> Option<f64> {
    let stat = read_to_string(format!("/proc/{process_id}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    // Fields 14 and 15 of proc(5), counted from the state that follows the name; ticks are 10 ms on Linux.
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// Resident memory of a process in bytes.
pub(crate) fn resident_bytes(process_id: u32) -> Option<u64> {
    let status = read_to_string(format!("/proc/{process_id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}
