//! How an attempt ended, as its executor reports it.

use crate::ExecutionStatus;
use crate::job::named;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

named! {
    /// Why an attempt ended as it did. Additive: clients must bear with unknown ones.
    Reason {
        /// It did what it should.
        Success = "success",
        /// The process ended with a code other than zero.
        ExitCode = "exit_code",
        /// The process was ended by a signal that OneOff did not send.
        Signal = "signal",
        /// The process could not be started.
        Spawn = "spawn",
        /// The response status was not an expected one.
        HttpStatus = "http_status",
        /// No complete response: connection, TLS, DNS.
        Transport = "transport",
        /// The address policy refuses the target.
        AddressPolicy = "address_policy",
        /// It took longer than its timeout.
        Timeout = "timeout",
        /// Somebody cancelled it.
        Cancelled = "cancelled",
        /// The server was stopped and its grace ran out.
        Shutdown = "shutdown",
        /// The server died under it.
        Lost = "lost",
        /// The config cannot be run.
        InvalidConfig = "invalid_config",
        /// No executor of this job type is registered or switched on.
        UnknownType = "unknown_type",
        /// The output exceeded a limit that ends the attempt.
        OutputLimit = "output_limit",
        /// The executor panicked.
        Panic = "panic",
        /// A custom executor reported a failure of its own.
        Failure = "failure",
    }
}

/// The result of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptOutcome {
    /// `completed`, `failed` or `cancelled`.
    pub status: ExecutionStatus,
    /// Why.
    pub reason: Reason,
    /// The exit code of the process; of an HTTP job, none.
    pub exit_code: Option<i32>,
    /// One sentence for people, when it did not succeed.
    pub error: Option<String>,
    /// What the type has to say, e.g. the response status and headers of an HTTP job.
    pub result: Option<Value>,
}

impl AttemptOutcome {
    /// A success without more to say.
    #[must_use]
    pub fn success() -> Self {
        Self {
            status: ExecutionStatus::Completed,
            reason: Reason::Success,
            exit_code: None,
            error: None,
            result: None,
        }
    }

    /// A failure.
    #[must_use]
    pub fn failed(reason: Reason, error: impl Into<String>) -> Self {
        Self {
            status: ExecutionStatus::Failed,
            reason,
            exit_code: None,
            error: Some(error.into()),
            result: None,
        }
    }

    /// Ended because somebody cancelled it.
    #[must_use]
    pub fn cancelled() -> Self {
        Self {
            status: ExecutionStatus::Cancelled,
            reason: Reason::Cancelled,
            exit_code: None,
            error: Some("cancelled".to_owned()),
            result: None,
        }
    }

    /// The same outcome with an exit code.
    #[must_use]
    pub fn with_exit_code(mut self, exit_code: Option<i32>) -> Self {
        self.exit_code = exit_code;
        self
    }

    /// The same outcome with a result.
    #[must_use]
    pub fn with_result(mut self, result: Value) -> Self {
        self.result = Some(result);
        self
    }

    /// The number that `retry_exit_codes` is compared with: the exit code, or the HTTP response status
    /// (`result.status`).
    #[must_use]
    pub fn retry_code(&self) -> Option<i32> {
        let http_status = || self.result.as_ref()?.get("status")?.as_i64()?.try_into().ok();
        self.exit_code.or_else(http_status)
    }
}
