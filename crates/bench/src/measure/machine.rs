//! The machine under a figure: processor, memory, kernel, and how long its disk takes to sync.

use crate::measure::percentiles::Summary;
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
    let text_of = |file: &str| read_to_string(file).ok().map(|text| text.trim().to_owned());
    json!({
        "cpu": line_of("/proc/cpuinfo", "model name"),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory": line_of("/proc/meminfo", "MemTotal"),
        "kernel": text_of("/proc/sys/kernel/osrelease"),
        "load_average": text_of("/proc/loadavg"),
    })
}

/// How long a 4 KiB write and its `fdatasync` take on the disk of `directory`.
pub(crate) fn disk_sync(directory: &Path) -> anyhow::Result<Summary> {
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
    Ok(Summary::of(times_us))
}
