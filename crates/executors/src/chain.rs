//! What the job of a chain's link is told of its chain, and of the link before it.

use oneoff_domain::PreviousLink;

/// The place of a job in an execution of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainPlace {
    /// The chain execution.
    pub execution_id: String,
    /// Which link it is, from 1.
    pub link: u32,
    /// The last link before it that was not skipped; `None` of the first.
    pub previous: Option<PreviousLink>,
}

/// The variables by which a process learns of its chain. A job cannot name them itself.
pub const CHAIN_VARIABLES: [&str; 8] = [
    "ONEOFF_CHAIN_EXECUTION_ID",
    "ONEOFF_CHAIN_LINK",
    "ONEOFF_PREVIOUS_STATUS",
    "ONEOFF_PREVIOUS_EXIT_CODE",
    "ONEOFF_PREVIOUS_OUTPUT",
    "ONEOFF_PREVIOUS_OUTPUT_TRUNCATED",
    "ONEOFF_PREVIOUS_JOB_ID",
    "ONEOFF_PREVIOUS_EXECUTION_ID",
];

impl ChainPlace {
    /// The environment of a process: variables and their values. Of the first link those about the link before it are
    /// empty, so that a script need not ask whether they are set.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); CHAIN_VARIABLES.len()] {
        let previous = self.previous.as_ref();
        let text = |read: fn(&PreviousLink) -> String| previous.map(read).unwrap_or_default();
        let values = [
            self.execution_id.clone(),
            self.link.to_string(),
            text(|link| link.status.to_string()),
            text(|link| link.exit_code.map(|code| code.to_string()).unwrap_or_default()),
            // No C string holds a NUL.
            text(|link| link.output.replace('\0', "")),
            text(|link| link.output_truncated.to_string()),
            text(|link| link.job_id.to_string()),
            text(|link| link.execution_id.map(|id| id.to_string()).unwrap_or_default()),
        ];
        let mut variables = CHAIN_VARIABLES.map(|name| (name, String::new()));
        for (variable, value) in variables.iter_mut().zip(values) {
            variable.1 = value;
        }
        variables
    }
}
