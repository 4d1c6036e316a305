//! Tells the program its commit, its profile, and a digest of the migrations: a filled database that was kept
//! is of use only to a program that was built with the same ones.

use std::path::{Path, PathBuf};
use std::process::Command;

const MIGRATIONS: &str = "../../migrations/sqlite";

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={MIGRATIONS}");
    println!("cargo::rerun-if-changed=../../.git/HEAD");
    // A debug build need not be built anew with every commit: its figures are not published.
    if variable("PROFILE").is_some_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed=../../.git/logs/HEAD");
    }
    println!("cargo::rustc-env=ONEOFF_BENCH_SCHEMA={:016x}", digest(Path::new(MIGRATIONS))?);
    println!("cargo::rustc-env=ONEOFF_BENCH_PROFILE={}", profile().unwrap_or_else(|| "unknown".to_owned()));
    println!("cargo::rustc-env=ONEOFF_BENCH_COMMIT={}", commit().unwrap_or_else(|| "unknown".to_owned()));
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a build script has no settings")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The name of the profile is in no variable, but in the path `target/PROFILE/build/PACKAGE/out`.
fn profile() -> Option<String> {
    let out = PathBuf::from(variable("OUT_DIR")?);
    let name = out.ancestors().nth(3)?.file_name()?.to_str()?.to_owned();
    Some(if name == "debug" { "dev".to_owned() } else { name })
}

fn commit() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    let commit = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !commit.is_empty()).then_some(commit)
}

/// FNV-1a over the names and contents of all files below a directory, in order of their names.
fn digest(directory: &Path) -> std::io::Result<u64> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for file in files(directory)? {
        let content = std::fs::read(&file)?;
        for byte in file.to_string_lossy().bytes().chain(content) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    Ok(hash)
}

fn files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        match path.is_dir() {
            true => found.extend(files(&path)?),
            false => found.push(path),
        }
    }
    found.sort();
    Ok(found)
}
