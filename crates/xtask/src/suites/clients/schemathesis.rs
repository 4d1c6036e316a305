//! Schemathesis: requests that are made up from the document, right and wrong ones, against a server that can do no harm.

use super::server::Server;
use super::tools::Tools;
use crate::process::{describe, run_watched};
use anyhow::{Result, bail};

/// Settings by which what is made up does nothing: no command is run, no address is called.
pub(super) const SAFE: &[(&str, &str)] = &[
    ("ONEOFF_DISABLED_JOB_TYPES", "shell"),
    ("ONEOFF_EGRESS_POLICY", "none"),
    ("ONEOFF_WEBHOOK_RETRY_SECONDS", "1,2"),
];

/// The same seed makes up the same requests.
const SEED: &str = "20261122";

/// Fewer are no test.
const CASES_MIN: usize = 2_000;

/// Runs it; how many requests it made up.
pub(super) fn run(tools: &Tools, server: &Server) -> Result<usize> {
    let folder = tools.sources.join("schemathesis");
    let mut command = tools.python("schemathesis");
    command.arg("--config-file").arg(folder.join("schemathesis.toml"));
    command.args(["run", "--no-color", "--seed", SEED]).arg(format!("{}/api/openapi.json", server.url()));
    command.env("PYTHONPATH", &folder).env("SCHEMATHESIS_HOOKS", "hooks");
    let mut cases = None;
    let status = run_watched(server.name_to(&mut command), |line| cases = cases.or_else(|| generated(line)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", describe(&command));
    }
    if !server.accepts_key()? {
        bail!("the key was ended on the way: what was checked since then were refusals");
    }
    match cases {
        Some(cases) if cases >= CASES_MIN => {
            println!("Schemathesis made up {cases} requests");
            Ok(cases)
        }
        Some(cases) => bail!("only {cases} requests were made up, not {CASES_MIN}"),
        None => bail!("Schemathesis did not say how many requests it made up"),
    }
}

/// The number in its summary: `  2345 generated, 2345 passed`.
fn generated(line: &str) -> Option<usize> {
    let (count, _) = line.trim().split_once(" generated")?;
    count.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{SAFE, generated};

    #[test]
    fn the_number_of_cases_is_read() {
        assert_eq!(generated("  2345 generated, 2345 passed"), Some(2345));
        assert_eq!(generated("Test cases:"), None);
        assert_eq!(generated("  tests generated"), None);
    }

    #[test]
    fn no_command_is_run_and_no_address_called() {
        assert!(SAFE.contains(&("ONEOFF_DISABLED_JOB_TYPES", "shell")));
        assert!(SAFE.contains(&("ONEOFF_EGRESS_POLICY", "none")));
    }
}
