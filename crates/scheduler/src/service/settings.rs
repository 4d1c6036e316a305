//! Settings that take effect while servers run. What is stored wins over what a server was started with, and is the same
//! on all nodes; what is taken back is again as the server was started.

use super::validate::Checks;
use super::{Service, check_unrestricted};
use crate::{Retention, SchedulerSettings, ServiceError};
use oneoff_domain::limits::SETTING_MAX_CHARS;
use oneoff_domain::suggest::nearest;
use oneoff_domain::{Context, FieldError, LIVE_SETTINGS, LiveSetting, LiveSettings, Timestamp};
use oneoff_storage::{SettingChange, StoredSetting};
use std::collections::BTreeMap;
use std::time::Duration;

/// Where the value of a setting comes from.
pub const STORED: &str = "stored";

/// A setting as it is in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingInEffect {
    /// Its name.
    pub key: &'static str,
    /// Its text.
    pub value: String,
    /// `stored`, or where this server has it from: `default`, `environment WORKERS_COUNT`, `flag --workers-count`.
    pub source: String,
    /// When it was stored.
    pub updated_at: Option<Timestamp>,
    /// What it would be if nothing were stored.
    pub started_with: String,
    /// What is allowed.
    pub allowed: &'static str,
}

impl Service {
    /// All settings that can be changed while servers run, by name.
    #[must_use]
    pub fn live_settings(&self) -> Vec<SettingInEffect> {
        self.in_effect(&self.catalog().settings)
    }

    /// All settings, if these are stored.
    fn in_effect(&self, stored: &BTreeMap<String, StoredSetting>) -> Vec<SettingInEffect> {
        let settings = &self.inner.settings;
        let in_effect = |setting: &LiveSetting| {
            let started_with = given(settings, setting.key);
            let stored = stored.get(setting.key);
            SettingInEffect {
                key: setting.key,
                value: stored.map_or_else(|| started_with.clone(), |stored| stored.value.clone()),
                source: match stored {
                    Some(_) => STORED.to_owned(),
                    None => {
                        settings.origins.get(setting.key).cloned().unwrap_or_else(|| "default".to_owned())
                    }
                },
                updated_at: stored.map(|stored| stored.updated_at),
                started_with,
                allowed: setting.allowed,
            }
        };
        LIVE_SETTINGS.iter().map(in_effect).collect()
    }

    /// Changes settings: all of them or, when anything is wrong with one, none. They are in effect on all nodes when they
    /// hear of it, and on this one when it answers. Answers those that were named; in a dry run, as they would be.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] with what is allowed, a caller who is restricted to projects, or a store that cannot take it.
    pub async fn update_settings(
        &self,
        context: Context,
        changes: Vec<SettingChange>,
    ) -> Result<Vec<SettingInEffect>, ServiceError> {
        self.accepting()?;
        check_unrestricted(
            &context,
            "settings are those of all projects: a key that is restricted to projects changes none",
        )?;
        let mut checks = Checks::default();
        let mut live = LiveSettings::default();
        let mut good = Vec::with_capacity(changes.len());
        for change in changes {
            if let Some(change) = check(change, &mut live, &mut checks) {
                good.push(change);
            }
        }
        self.check_types(&live, &mut checks);
        checks.into_result()?;
        let keys: Vec<String> = good.iter().map(|change| change.key.clone()).collect();
        let settings = match context.dry_run {
            true => self.in_effect(&changed(&self.catalog().settings, good, self.now())),
            false => {
                self.inner.store.set_settings(context, self.now(), good).await?;
                self.live_settings()
            }
        };
        Ok(settings.into_iter().filter(|setting| keys.iter().any(|key| key == setting.key)).collect())
    }

    /// A limit of a type that there is not would be without effect.
    fn check_types(&self, live: &LiveSettings, checks: &mut Checks) {
        let types = self.job_types();
        for name in live.type_limits.iter().flat_map(BTreeMap::keys).filter(|name| !types.contains(name)) {
            let hint = match nearest(name, types.iter().map(String::as_str)) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("the job types are {}", types.join(", ")),
            };
            checks.add(
                FieldError::new("/type_limits", format!("there is no job type `{name}`")).with_hint(hint),
            );
        }
    }

    /// The zone of a job that names none.
    #[must_use]
    pub fn default_timezone(&self) -> String {
        let stored = self.catalog().live.default_timezone.clone();
        stored.unwrap_or_else(|| self.inner.settings.default_timezone.clone())
    }

    pub(super) fn default_priority(&self) -> u8 {
        self.catalog().live.default_priority.unwrap_or(self.inner.settings.default_priority)
    }

    pub(super) fn default_timeout_seconds(&self) -> Option<u32> {
        let stored = self.catalog().live.default_timeout_seconds;
        stored.unwrap_or(self.inner.settings.default_timeout_seconds)
    }
}

/// What is stored after some changes.
fn changed(
    stored: &BTreeMap<String, StoredSetting>,
    changes: Vec<SettingChange>,
    now: Timestamp,
) -> BTreeMap<String, StoredSetting> {
    let mut stored = stored.clone();
    for SettingChange { key, value } in changes {
        match value {
            Some(value) if stored.get(&key).is_some_and(|old| old.value == value) => {}
            Some(value) => drop(stored.insert(key, StoredSetting { value, updated_at: now })),
            None => drop(stored.remove(&key)),
        }
    }
    stored
}

fn check(change: SettingChange, live: &mut LiveSettings, checks: &mut Checks) -> Option<SettingChange> {
    let pointer = format!("/{}", change.key.chars().take(64).collect::<String>());
    let Some(setting) = LiveSetting::named(&change.key) else {
        let error = FieldError::new(pointer, "is not a setting that can be changed");
        checks.add(error.with_hint(LiveSetting::hint(&change.key)));
        return None;
    };
    let Some(value) = change.value else { return Some(SettingChange { value: None, ..change }) };
    let value = value.trim().to_owned();
    if value.chars().count() > SETTING_MAX_CHARS || live.set(setting, &value).is_none() {
        let shown: String = value.chars().take(64).collect();
        checks.add(FieldError::new(pointer, format!("`{shown}` is not allowed")).with_hint(setting.allowed));
        return None;
    }
    Some(SettingChange { key: change.key, value: Some(value) })
}

/// What the server was started with, as text.
fn given(settings: &SchedulerSettings, key: &str) -> String {
    let Retention { jobs, executions, events, audit, idempotency, deliveries, output_max_bytes } =
        settings.retention;
    match key {
        "workers_count" => settings.workers_count.to_string(),
        "reserved_slots" => settings.reserved_slots.to_string(),
        "type_limits" => {
            let limits = settings.type_limits.iter().map(|(name, limit)| format!("{name}={limit}"));
            limits.collect::<Vec<_>>().join(",")
        }
        "default_timezone" => settings.default_timezone.clone(),
        "default_priority" => settings.default_priority.to_string(),
        "default_timeout_seconds" => settings.default_timeout_seconds.unwrap_or(0).to_string(),
        "log_retention_days" => days(executions),
        "job_retention_days" => days(jobs),
        "event_retention_days" => days(events),
        "audit_retention_days" => days(audit),
        "idempotency_retention_days" => days(idempotency),
        "delivery_retention_days" => days(deliveries),
        "output_total_max_bytes" => output_max_bytes.unwrap_or(0).to_string(),
        _ => String::new(),
    }
}

fn days(duration: Duration) -> String {
    (duration.as_secs_f64() / 86_400.0).to_string()
}
