//! Runs the built binary, away from the variables of whoever runs the tests.

use std::process::Stdio;
use tokio::process::Command;

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The binary against a server.
pub(crate) fn oneoff(server: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oneoff"));
    for name in ["ONEOFF_API_KEY", "NO_COLOR", "TERM"] {
        command.env_remove(name);
    }
    command.env("ONEOFF_SERVER", server).env("TZ", "Asia/Tokyo").stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs a command line to its end.
pub(crate) async fn run(server: &str, words: &[&str]) -> Ran {
    let output = oneoff(server).args(words).output().await.unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
