//! The settings of a job that v1 and its roadmap write inside of the config: they are the job's, in new jobs and in edits.

use super::validate::Checks;
use oneoff_domain::FieldError;
use serde_json::{Map, Value};

/// What they are called there.
const FIELDS: [(&str, Setting); 5] = [
    ("timeout", Setting::Timeout),
    ("timeout_seconds", Setting::Timeout),
    ("max_retries", Setting::MaxRetries),
    ("retry_delay_seconds", Setting::RetryDelay),
    ("retry_max_delay_seconds", Setting::RetryMaxDelay),
];

#[derive(Clone, Copy)]
enum Setting {
    Timeout,
    MaxRetries,
    RetryDelay,
    RetryMaxDelay,
}

impl Setting {
    fn pointer(self) -> &'static str {
        match self {
            Self::Timeout => "/timeout_seconds",
            Self::MaxRetries => "/max_retries",
            Self::RetryDelay => "/retry_delay_seconds",
            Self::RetryMaxDelay => "/retry_max_delay_seconds",
        }
    }
}

/// Where each of them goes to.
pub(super) struct Targets<'a, T> {
    pub(super) timeout: &'a mut Option<T>,
    pub(super) max_retries: &'a mut Option<T>,
    pub(super) retry_delay: &'a mut Option<T>,
    pub(super) retry_max_delay: &'a mut Option<T>,
    /// What a timeout of 0 and below is, where nothing else says one.
    pub(super) no_timeout: Option<T>,
}

impl<T> Targets<'_, T> {
    fn of(&mut self, setting: Setting) -> &mut Option<T> {
        match setting {
            Setting::Timeout => self.timeout,
            Setting::MaxRetries => self.max_retries,
            Setting::RetryDelay => self.retry_delay,
            Setting::RetryMaxDelay => self.retry_max_delay,
        }
    }
}

/// Those that were taken out of a config.
#[derive(Default)]
pub(super) struct Taken(Vec<(&'static str, Setting)>);

impl Taken {
    /// What is wrong with them is wrong where they were written.
    pub(super) fn repoint(&self, checks: &mut Checks) {
        for (field, setting) in &self.0 {
            checks.repoint(setting.pointer(), &format!("/config/{field}"));
        }
    }
}

/// Moves them out of the config to where there is nothing yet: what stands beside the config wins.
pub(super) fn take<T: From<i64>>(
    config: &mut Map<String, Value>,
    checks: &mut Checks,
    mut targets: Targets<'_, T>,
) -> Taken {
    let mut taken = Taken::default();
    let mut is_without_timeout = false;
    for (field, setting) in FIELDS {
        // Null is as good as nothing.
        let Some(value) = config.remove(field).filter(|value| !value.is_null()) else { continue };
        let Some(number) = value.as_i64() else {
            checks.add(
                FieldError::new(format!("/config/{field}"), "it is not a whole number")
                    .with_hint("a number of seconds, or of retries"),
            );
            continue;
        };
        // v1 took 0 and below as "no timeout of its own".
        if matches!(setting, Setting::Timeout) && number <= 0 {
            is_without_timeout = true;
            continue;
        }
        let target = targets.of(setting);
        if target.is_none() {
            *target = Some(number.into());
            taken.0.push((field, setting));
        }
    }
    if is_without_timeout && targets.timeout.is_none() {
        *targets.timeout = targets.no_timeout;
    }
    taken
}
