//! A transaction that somebody else leaves open, for as long as a test needs it.

use crate::FixtureError;
use crate::binaries::psql;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use url::Url;

/// What it prints when it has done what it was to do.
const DONE: &str = "the transaction is held";

/// A transaction that is open, with all that it locks. Dropping it ends it, and waits until it has.
#[derive(Debug)]
pub struct HeldTransaction {
    psql: Child,
    input: Option<ChildStdin>,
}

impl HeldTransaction {
    /// Begins one as the superuser, and waits until the server has done this in it.
    pub(crate) fn begin(url: &Url, sql: &str) -> Result<Self, FixtureError> {
        let mut command = psql()?;
        command.arg("--dbname").arg(url.as_str()).args(["--set", "ON_ERROR_STOP=1"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let program = command.get_program().into();
        let mut psql = command.spawn().map_err(|source| FixtureError::Run { program, source })?;
        let script = format!("BEGIN;\n{sql};\n\\echo {DONE}\n");
        let mut input = psql.stdin.take();
        let written = input.as_mut().map(|input| input.write_all(script.as_bytes()));
        let output = psql.stdout.take();
        let held = Self { psql, input };
        let mut lines = BufReader::new(output.ok_or(FixtureError::NotHeld)?).lines();
        match (written, lines.any(|line| line.is_ok_and(|line| line == DONE))) {
            (Some(Ok(())), true) => Ok(held),
            _ => Err(FixtureError::NotHeld),
        }
    }
}

impl Drop for HeldTransaction {
    fn drop(&mut self) {
        // Without input it ends, and its transaction with it.
        drop(self.input.take());
        drop(self.psql.wait());
    }
}
