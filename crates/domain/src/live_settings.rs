//! Settings that can be changed while servers run: their names, what is allowed, and what their texts mean.

use crate::limits::{PRIORITY_MAX, TIMEOUT_MAX_SECONDS};
use crate::{suggest, time};
use std::collections::BTreeMap;
use std::time::Duration;

/// The most worker slots, also of one type.
const SLOTS_MAX: usize = 10_000;

/// A setting that can be changed while servers run.
#[derive(Clone, Copy)]
pub struct LiveSetting {
    /// Its name.
    pub key: &'static str,
    /// What is allowed, for people.
    pub allowed: &'static str,
    read: fn(&str, &mut LiveSettings) -> Option<()>,
}

/// What of them is set; what is `None` is as the server was started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveSettings {
    /// Attempts that run at a time; 0 is 16 per CPU.
    pub workers_count: Option<usize>,
    /// Attempts that run at a time by job type.
    pub type_limits: Option<BTreeMap<String, usize>>,
    /// Slots that only jobs of priority 8 and above take.
    pub reserved_slots: Option<usize>,
    /// The zone of a job that names none.
    pub default_timezone: Option<String>,
    /// The priority of a job that names none.
    pub default_priority: Option<u8>,
    /// The timeout of a job that names none; an inner `None` is none.
    pub default_timeout_seconds: Option<Option<u32>>,
    /// How long executions are kept.
    pub log_retention: Option<Duration>,
    /// How long jobs that are over are kept.
    pub job_retention: Option<Duration>,
    /// How long events are kept.
    pub event_retention: Option<Duration>,
    /// How long audit entries are kept.
    pub audit_retention: Option<Duration>,
    /// How long idempotency records are kept.
    pub idempotency_retention: Option<Duration>,
    /// How long deliveries of webhooks are kept.
    pub delivery_retention: Option<Duration>,
    /// Bytes of output in all; an inner `None` is no bound.
    pub output_total_max_bytes: Option<Option<u64>>,
}

const DAYS: &str = "days, also parts of one, from 0.001 to 36500";

/// All of them, by name.
pub const LIVE_SETTINGS: &[LiveSetting] = &[
    LiveSetting {
        key: "audit_retention_days",
        allowed: DAYS,
        read: |text, to| set(&mut to.audit_retention, days(text)),
    },
    LiveSetting {
        key: "default_priority",
        allowed: "a whole number from 1 to 10",
        read: |text, to| set(&mut to.default_priority, whole(text, 1, PRIORITY_MAX)),
    },
    LiveSetting {
        key: "default_timeout_seconds",
        allowed: "a whole number from 0 to 2592000; 0 is none",
        read: |text, to| {
            let seconds = whole(text, 0, TIMEOUT_MAX_SECONDS)?;
            set(&mut to.default_timeout_seconds, Some((seconds > 0).then_some(seconds)))
        },
    },
    LiveSetting {
        key: "default_timezone",
        allowed: "an IANA time zone such as Europe/Madrid",
        read: |text, to| set(&mut to.default_timezone, time::is_timezone(text).then(|| text.to_owned())),
    },
    LiveSetting {
        key: "delivery_retention_days",
        allowed: DAYS,
        read: |text, to| set(&mut to.delivery_retention, days(text)),
    },
    LiveSetting {
        key: "event_retention_days",
        allowed: DAYS,
        read: |text, to| set(&mut to.event_retention, days(text)),
    },
    LiveSetting {
        key: "idempotency_retention_days",
        allowed: DAYS,
        read: |text, to| set(&mut to.idempotency_retention, days(text)),
    },
    LiveSetting {
        key: "job_retention_days",
        allowed: DAYS,
        read: |text, to| set(&mut to.job_retention, days(text)),
    },
    LiveSetting {
        key: "log_retention_days",
        allowed: DAYS,
        read: |text, to| set(&mut to.log_retention, days(text)),
    },
    LiveSetting {
        key: "output_total_max_bytes",
        allowed: "a whole number of bytes; 0 is no bound",
        read: |text, to| {
            let bytes = whole(text, 0, i64::MAX.unsigned_abs())?;
            set(&mut to.output_total_max_bytes, Some((bytes > 0).then_some(bytes)))
        },
    },
    LiveSetting {
        key: "reserved_slots",
        allowed: "a whole number from 0 to 10000",
        read: |text, to| set(&mut to.reserved_slots, whole(text, 0, SLOTS_MAX)),
    },
    LiveSetting {
        key: "type_limits",
        allowed: "type=slots, several with commas, such as http=64,shell=8, each from 1 to 10000; empty for none",
        read: |text, to| set(&mut to.type_limits, type_limits(text)),
    },
    LiveSetting {
        key: "workers_count",
        allowed: "a whole number from 0 to 10000; 0 is 16 per CPU",
        read: |text, to| set(&mut to.workers_count, whole(text, 0, SLOTS_MAX)),
    },
];

impl LiveSettings {
    /// Sets one, by its name, to what its text means; `None` when that is not allowed.
    #[must_use]
    pub fn set(&mut self, setting: &LiveSetting, text: &str) -> Option<()> {
        (setting.read)(text.trim(), self)
    }
}

impl LiveSetting {
    /// The setting of this name.
    #[must_use]
    pub fn named(key: &str) -> Option<&'static Self> {
        LIVE_SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// The name that was probably meant, or all there are.
    #[must_use]
    pub fn hint(key: &str) -> String {
        let keys = LIVE_SETTINGS.iter().map(|setting| setting.key);
        match suggest::nearest(key, keys.clone()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("the settings are {}", keys.collect::<Vec<_>>().join(", ")),
        }
    }
}

impl std::fmt::Debug for LiveSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LiveSetting").field(&self.key).finish()
    }
}

fn set<T>(field: &mut Option<T>, value: Option<T>) -> Option<()> {
    *field = Some(value?);
    Some(())
}

fn whole<T: std::str::FromStr + PartialOrd>(text: &str, least: T, most: T) -> Option<T> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: T = text.parse().ok().filter(|_| is_plain)?;
    (number >= least && number <= most).then_some(number)
}

fn days(text: &str) -> Option<Duration> {
    let is_plain = text.chars().all(|c| c.is_ascii_digit() || c == '.') && text.starts_with(|c| c != '.');
    let days: f64 = text.parse().ok().filter(|_| is_plain)?;
    (0.001..=36_500.0).contains(&days).then(|| Duration::from_secs_f64(days * 86_400.0))
}

fn type_limits(text: &str) -> Option<BTreeMap<String, usize>> {
    let is_word = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.len() <= 64
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
    };
    let mut limits = BTreeMap::new();
    for part in text.split(',').map(str::trim).filter(|_| !text.is_empty()) {
        let (name, limit) = part.split_once('=')?;
        let (name, limit) = (name.trim(), whole(limit.trim(), 1, SLOTS_MAX)?);
        if !is_word(name) || limits.insert(name.to_owned(), limit).is_some() {
            return None;
        }
    }
    Some(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_to(key: &str, text: &str) -> Option<LiveSettings> {
        let mut settings = LiveSettings::default();
        settings.set(LiveSetting::named(key)?, text)?;
        Some(settings)
    }

    #[test]
    fn the_names_are_sorted_and_each_is_found() {
        assert!(LIVE_SETTINGS.is_sorted_by_key(|setting| setting.key));
        assert!(LiveSetting::named("nonsense").is_none() && LiveSetting::named("").is_none());
        assert!(LiveSetting::hint("worker_count").contains("workers_count"));
        assert!(LiveSetting::hint("qqq").contains("reserved_slots"));
    }

    #[test]
    fn good_texts_are_read() {
        for (key, text) in [
            ("workers_count", "0"),
            ("workers_count", " 10000 "),
            ("reserved_slots", "3"),
            ("default_priority", "10"),
            ("default_timezone", "Europe/Madrid"),
            ("default_timeout_seconds", "0"),
            ("log_retention_days", "0.5"),
            ("output_total_max_bytes", "0"),
            ("type_limits", ""),
            ("type_limits", "http=1, shell=10000"),
        ] {
            assert!(set_to(key, text).is_some(), "{key}={text}");
        }
        let limits = set_to("type_limits", "http=1, shell=7").unwrap().type_limits.unwrap();
        assert_eq!(limits, BTreeMap::from([("http".to_owned(), 1), ("shell".to_owned(), 7)]));
        assert_eq!(set_to("default_timeout_seconds", "0").unwrap().default_timeout_seconds, Some(None));
    }

    #[test]
    fn bad_texts_are_not() {
        for (key, texts) in [
            ("workers_count", vec!["", "-1", "1.5", "10001", "x", "+1", "99999999999999999999", "\u{662}"]),
            ("default_priority", vec!["0", "11", "", "five"]),
            ("default_timezone", vec!["", "Mars/Base", "Europe/Madrid; DROP"]),
            ("default_timeout_seconds", vec!["-1", "2592001", "1h"]),
            ("log_retention_days", vec!["0", "-1", "36501", "1e3", "NaN", "inf", ".5", ""]),
            ("output_total_max_bytes", vec!["-1", "9223372036854775808"]),
            ("type_limits", vec!["http", "http=0", "http=1,http=2", "HTTP=1", "http=1,", "=1", "http=-1"]),
        ] {
            for text in texts {
                assert_eq!(set_to(key, text), None, "{key}={text}");
            }
        }
    }
}
