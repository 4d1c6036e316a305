//! The exit codes: a documented table, to which codes may be added but never changed.

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All was done.
    Ok,
    /// It failed, for a reason that has no code of its own.
    Failure,
    /// The command line, or a value in it, is not accepted.
    Usage,
    /// There is no such job or execution.
    NotFound,
    /// The API key is missing, wrong, or may not do this.
    Auth,
    /// The state of the job does not allow it, or somebody else was faster.
    Conflict,
    /// The awaited job failed.
    JobFailed,
    /// The awaited job was cancelled or missed.
    JobCancelled,
    /// Some of several were done, and some were not.
    Partial,
    /// No server answers.
    Unreachable,
    /// The awaited job was not over in time.
    WaitTimedOut,
    /// Ended by Ctrl-C.
    Interrupted,
    /// The exit code of the awaited job itself.
    Job(u8),
}

/// Every code but that of a job itself, with what it means.
pub(crate) const TABLE: &[(Exit, &str)] = &[
    (Exit::Ok, "all was done; the awaited job completed"),
    (Exit::Failure, "a failure that has no code of its own"),
    (Exit::Usage, "the command line, or a value in it, is not accepted"),
    (Exit::NotFound, "there is no such job, execution or output"),
    (Exit::Auth, "the API key is missing, wrong, or may not do this"),
    (Exit::Conflict, "the state of the job does not allow it, or the job has changed meanwhile"),
    (Exit::JobFailed, "the awaited job failed"),
    (Exit::JobCancelled, "the awaited job was cancelled or missed"),
    (Exit::Partial, "some of several were done, some were not"),
    (Exit::Unreachable, "no server answers"),
    (Exit::WaitTimedOut, "the awaited job was not over in time; it goes on"),
    (Exit::Interrupted, "ended by Ctrl-C; what the server accepted stays"),
];

impl Exit {
    /// The number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Auth => 4,
            Self::Conflict => 5,
            Self::JobFailed => 6,
            Self::JobCancelled => 7,
            Self::Partial => 8,
            Self::Unreachable => 9,
            Self::WaitTimedOut => 124,
            Self::Interrupted => 130,
            Self::Job(code) => code,
        }
    }

    /// What the end of an awaited job means.
    pub(crate) fn of_job_status(status: &str) -> Self {
        match status {
            "completed" => Self::Ok,
            "cancelled" | "missed" => Self::JobCancelled,
            _ => Self::JobFailed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// The text of `oneoff help exit-codes`.
pub(crate) fn help() -> String {
    let mut text = String::from("Exit codes of oneoff. Every other code that is not 0 is a failure too.\n\n");
    for (exit, meaning) in TABLE {
        text.push_str(&format!("{:>5}  {meaning}\n", exit.code()));
    }
    text.push_str(
        "\nWith --exit-status=propagate, a wait that ends with a failed job ends with the job's own exit code\n\
         where it has one. The output format never changes the exit code.\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::{Exit, TABLE, help};

    #[test]
    fn the_codes_are_those_that_were_published() {
        let codes: Vec<u8> = TABLE.iter().map(|(exit, _)| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 124, 130]);
        assert_eq!(Exit::Job(42).code(), 42);
    }

    #[test]
    fn the_help_and_the_documentation_list_every_code() {
        let documentation = include_str!("../../../docs/cli.md");
        for (exit, meaning) in TABLE {
            assert!(help().contains(&format!("{:>5}  {meaning}\n", exit.code())));
            let row = format!("| {} | {meaning} |", exit.code());
            assert!(documentation.contains(&row), "docs/cli.md has no line {row}");
        }
    }

    #[test]
    fn a_job_that_did_not_complete_never_ends_with_success() {
        for status in ["failed", "cancelled", "missed", "a_status_of_a_newer_server"] {
            assert_ne!(Exit::of_job_status(status), Exit::Ok);
        }
        assert_eq!(Exit::of_job_status("completed"), Exit::Ok);
    }
}
