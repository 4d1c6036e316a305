//! The environment of a shell job: clean, so that a job runs the same however the server was started, and
//! never sees the server's own secrets.

use crate::process::{EXECUTION_ID_VARIABLE, INSTANCE_VARIABLE};
use crate::{CHAIN_VARIABLES, RunContext};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// What a job cannot name itself.
pub(super) const RESERVED: [&str; 7] = [
    EXECUTION_ID_VARIABLE,
    INSTANCE_VARIABLE,
    "ONEOFF_JOB_ID",
    "ONEOFF_JOB_NAME",
    "ONEOFF_RUN",
    "ONEOFF_ATTEMPT",
    "ONEOFF_SCHEDULED_AT",
];

/// Whether OneOff sets this variable itself.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || CHAIN_VARIABLES.contains(&name)
}

/// What every shell job starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseEnvironment {
    /// Where programs are looked for.
    pub path: OsString,
    /// The home directory.
    pub home: OsString,
    /// The user's name, if it is known.
    pub user: Option<OsString>,
    /// The language.
    pub lang: OsString,
}

impl Default for BaseEnvironment {
    fn default() -> Self {
        Self {
            path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into(),
            home: "/".into(),
            user: None,
            lang: "C.UTF-8".into(),
        }
    }
}

impl BaseEnvironment {
    /// What this process has of it, and the default of what it has not.
    #[must_use]
    pub fn of_this_process() -> Self {
        let given = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let default = Self::default();
        Self {
            path: given("PATH").unwrap_or(default.path),
            home: given("HOME").unwrap_or(default.home),
            user: given("USER").or_else(|| given("LOGNAME")),
            lang: given("LANG").unwrap_or(default.lang),
        }
    }

    /// The whole environment of an attempt: the base, the job's own variables over it, and what identifies
    /// the attempt over both.
    pub(super) fn of_attempt(
        &self,
        context: &RunContext,
        own: &[(String, String)],
    ) -> BTreeMap<OsString, OsString> {
        let mut variables = BTreeMap::new();
        let mut set = |name: &str, value: &OsStr| {
            variables.insert(OsString::from(name), value.to_owned());
        };
        set("PATH", &self.path);
        set("HOME", &self.home);
        if let Some(user) = &self.user {
            set("USER", user);
        }
        set("LANG", &self.lang);
        set("TZ", context.timezone.as_ref());
        for (name, value) in own {
            set(name, value.as_ref());
        }
        set("ONEOFF_JOB_ID", context.job_id.to_string().as_ref());
        // No C string holds a NUL; a name that has one must not keep its job from running.
        set("ONEOFF_JOB_NAME", context.job_name.replace('\0', "").as_ref());
        set("ONEOFF_RUN", context.run.to_string().as_ref());
        set("ONEOFF_ATTEMPT", context.attempt.to_string().as_ref());
        set("ONEOFF_SCHEDULED_AT", context.scheduled_for.to_string().as_ref());
        if let Some(chain) = &context.chain {
            for (name, value) in chain.environment() {
                set(name, value.as_ref());
            }
        }
        for (name, value) in context.processes.environment() {
            set(&name, value.as_ref());
        }
        set(EXECUTION_ID_VARIABLE, context.execution_id.to_string().as_ref());
        variables
    }
}
