//! Names the commit and the build date for `--version`. Without git, or outside of a checkout, the commit is
//! `unknown`; `ONEOFF_COMMIT` and `SOURCE_DATE_EPOCH` set both, for builds that must repeat exactly.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    for variable in ["ONEOFF_COMMIT", "SOURCE_DATE_EPOCH"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    // A debug build need not be built anew with every commit: it names the one it was first built from.
    let is_release = variable("PROFILE").is_some_and(|profile| profile == "release");
    for file in if is_release { &["HEAD", "logs/HEAD"][..] } else { &["HEAD"][..] } {
        let path = Path::new("../../.git").join(file);
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    let commit = variable("ONEOFF_COMMIT").or_else(head_commit).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=ONEOFF_BUILD_COMMIT={commit}");
    println!("cargo::rustc-env=ONEOFF_BUILD_DATE={}", utc(build_seconds()));
}

#[expect(clippy::disallowed_methods, reason = "a build script has no settings")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn head_commit() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    let commit = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !commit.is_empty()).then_some(commit)
}

#[expect(clippy::disallowed_methods, reason = "a build script has no injected clock")]
fn build_seconds() -> u64 {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    variable("SOURCE_DATE_EPOCH").and_then(|text| text.parse().ok()).unwrap_or_else(now)
}

/// RFC 3339. Days become a date as in Howard Hinnant's "chrono-compatible low-level date algorithms".
fn utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
