//! Ends the server and removes its files when the program of the tests is gone, however it went.
//!
//! A shell of its own process group reads a pipe that only the tests hold open. Neither the end of a thread nor
//! Ctrl-C reaches it, and a killed program closes the pipe as well as one that ends.

use crate::FixtureError;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The process is ours only if it works in our directory: its number may have been given to another one since.
const SCRIPT: &str = r#"
cat > /dev/null
read -r pid < "$1/data/postmaster.pid" && [ "$(readlink "/proc/$pid/cwd")" = "$1/data" ] && kill -QUIT "$pid"
tries=0
while [ -e "$1/data/postmaster.pid" ] && [ -d "/proc/$pid" ] && [ $tries -lt 600 ]; do
    tries=$((tries + 1))
    sleep 0.05
done
rm -rf "$1"
"#;

/// Ends the server and removes its files when this is dropped, or when the program ends without that.
#[derive(Debug)]
pub(crate) struct Sweeper(Child);

impl Sweeper {
    /// Watches over a directory whose server keeps its data in `data`.
    pub(crate) fn start(directory: &Path) -> Result<Self, FixtureError> {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "sweeper"]).arg(directory).current_dir("/").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map(Self).map_err(|source| FixtureError::Run { program: "sh".into(), source })
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // Nobody is left to be told of a failure.
        drop(self.0.wait());
    }
}
