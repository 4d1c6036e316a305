//! The settings of the server: one table, four layers, all problems at once.

pub mod layers;
mod log_choices;
mod parse;
mod reader;
pub mod render;
pub mod table;

pub use layers::{Given, Sources};
pub use log_choices::{LogFormat, LogLevel};

use oneoff::{DatabaseUrl, EgressPolicy, Retention, StoreOptions, WebhookSettings};
use oneoff_api::AddressRange;
use oneoff_domain::LIVE_SETTINGS;
use oneoff_domain::limits::TIMEOUT_MAX_SECONDS;
use reader::Reader;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that can be set, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `HOST`
    pub host: String,
    /// `PORT`; 0 picks a free one.
    pub port: u16,
    /// `DB_PATH`
    pub db_path: PathBuf,
    /// `DATABASE_URL`: a database in place of the file.
    pub database_url: Option<DatabaseUrl>,
    /// `NODE_NAME`
    pub node_name: Option<String>,
    /// `WORKERS_COUNT`; 0 is 16 per CPU.
    pub workers_count: usize,
    /// `RESERVED_SLOTS`.
    pub reserved_slots: usize,
    /// `LOG_LEVEL`
    pub log_level: LogLevel,
    /// `LOG_FORMAT`
    pub log_format: LogFormat,
    /// `DEFAULT_TIMEZONE`
    pub default_timezone: String,
    /// `LOG_RETENTION_DAYS`, `JOB_RETENTION_DAYS`, `EVENT_RETENTION_DAYS`, `AUDIT_RETENTION_DAYS`,
    /// `IDEMPOTENCY_RETENTION_DAYS`, `WEBHOOK_DELIVERY_RETENTION_DAYS` and `OUTPUT_TOTAL_MAX_BYTES`
    pub retention: Retention,
    /// `DEFAULT_PRIORITY`
    pub default_priority: u8,
    /// `DEFAULT_TIMEOUT_SECONDS`; `None` where it is 0.
    pub default_timeout_seconds: Option<u32>,
    /// `ENVIRONMENT`
    pub environment: String,
    /// `AUTH_ENABLED`
    pub auth_enabled: bool,
    /// `INSECURE_NO_AUTH`
    pub insecure_no_auth: bool,
    /// `BOOTSTRAP_KEY_FILE`
    pub bootstrap_key_file: Option<PathBuf>,
    /// `METRICS_ENABLED`
    pub metrics_enabled: bool,
    /// `BASE_PATH`: empty, or with a slash in front and none at the end.
    pub base_path: String,
    /// `ALLOWED_HOSTS`
    pub allowed_hosts: Vec<String>,
    /// `ALLOWED_ORIGINS`
    pub allowed_origins: Vec<String>,
    /// `PUBLIC_URL`, without a slash at the end.
    pub public_url: Option<String>,
    /// `TRUSTED_PROXIES`
    pub trusted_proxies: Vec<AddressRange>,
    /// `EGRESS_POLICY`
    pub egress_policy: EgressPolicy,
    /// `WEBHOOK_RETRY_SECONDS`, `WEBHOOK_TIMEOUT_SECONDS` and `WEBHOOK_PAUSE_AFTER_HOURS`
    pub webhooks: WebhookSettings,
    /// `SEALING_KEY_FILE`
    pub sealing_key_file: Option<PathBuf>,
    /// `MAX_CONNECTIONS`
    pub max_connections: usize,
    /// `SHUTDOWN_GRACE_SECONDS`
    pub shutdown_grace: Duration,
    /// `HOLD_OVERDUE_AFTER_SECONDS`; none where it is 0.
    pub hold_overdue_after: Option<Duration>,
    /// `LEASE_SECONDS`
    pub lease: Duration,
    /// `DISABLED_JOB_TYPES`
    pub disabled_job_types: Vec<String>,
    /// `TYPE_LIMITS`
    pub type_limits: BTreeMap<String, usize>,
    /// Where those come from that can be changed while the server runs and are not the defaults, by the names that they have
    /// then.
    pub origins: BTreeMap<String, String>,
    /// What people should know of these settings, although nothing is wrong.
    pub notes: Vec<String>,
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the settings cannot be used:\n  - {}", .0.join("\n  - "))]
pub struct SettingsError(pub Vec<String>);

/// What the layers gave, and what it amounts to.
#[derive(Debug)]
pub struct Resolved {
    /// Every setting with its value as text and where it came from.
    pub given: Vec<Given>,
    /// The settings, unless something is wrong.
    pub settings: Result<Settings, SettingsError>,
}

impl Settings {
    /// Merges the layers and checks every value.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load(sources: &Sources) -> Result<Settings, SettingsError> {
        resolve(sources).settings
    }

    /// How the database is opened, by a server or beside it.
    #[must_use]
    pub fn store(&self) -> StoreOptions {
        match &self.database_url {
            Some(url) => StoreOptions::on_server(url.clone()),
            None => StoreOptions::new(&self.db_path),
        }
    }

    /// Whether only this machine may reach the server: whoever can may do everything.
    #[must_use]
    pub fn needs_loopback(&self) -> bool {
        !self.auth_enabled && !self.insecure_no_auth
    }

    /// Whether only this machine can reach the server.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        parse::is_loopback(&self.host)
    }
}

/// A hundred years.
const HOLD_OVERDUE_MAX_SECONDS: u64 = 3_153_600_000;

/// Merges the layers and checks every value; the values are there even where some are wrong.
#[must_use]
pub fn resolve(sources: &Sources) -> Resolved {
    let (given, problems) = layers::merge(sources);
    let settings = check(&given, problems);
    Resolved { given, settings }
}

fn check(given: &[Given], problems: Vec<String>) -> Result<Settings, SettingsError> {
    let mut reader = Reader::new(given, problems);
    let settings = Settings {
        host: reader.read("HOST", parse::host),
        port: reader.read("PORT", |text| parse::whole(text, 0, u16::MAX)),
        db_path: reader.read("DB_PATH", parse::database_path),
        database_url: reader.read("DATABASE_URL", parse::database_url),
        node_name: reader.read("NODE_NAME", parse::node_name),
        workers_count: reader.read("WORKERS_COUNT", |text| parse::whole(text, 0, 10_000)),
        reserved_slots: reader.read("RESERVED_SLOTS", |text| parse::whole(text, 0, 10_000)),
        log_level: reader.read("LOG_LEVEL", parse::log_level),
        log_format: reader.read("LOG_FORMAT", parse::log_format),
        default_timezone: reader.read("DEFAULT_TIMEZONE", parse::timezone),
        retention: retention(&mut reader),
        default_priority: reader.read("DEFAULT_PRIORITY", |text| parse::whole(text, 1, 10)),
        default_timeout_seconds: reader.read("DEFAULT_TIMEOUT_SECONDS", |text| {
            let seconds = parse::whole(text, 0, TIMEOUT_MAX_SECONDS)?;
            Ok((seconds > 0).then_some(seconds))
        }),
        environment: reader.read("ENVIRONMENT", parse::environment),
        auth_enabled: reader.read("AUTH_ENABLED", parse::boolean),
        insecure_no_auth: reader.read("INSECURE_NO_AUTH", parse::boolean),
        bootstrap_key_file: reader.read("BOOTSTRAP_KEY_FILE", parse::optional_path),
        metrics_enabled: reader.read("METRICS_ENABLED", parse::boolean),
        base_path: reader.read("BASE_PATH", parse::base_path),
        allowed_hosts: reader.read("ALLOWED_HOSTS", parse::hosts),
        allowed_origins: reader.read("ALLOWED_ORIGINS", parse::origins),
        public_url: reader.read("PUBLIC_URL", parse::public_url),
        trusted_proxies: reader.read("TRUSTED_PROXIES", parse::proxies),
        egress_policy: reader.read("EGRESS_POLICY", parse::egress),
        webhooks: webhooks(&mut reader),
        sealing_key_file: reader
            .read("SEALING_KEY_FILE", |text| Ok((!text.is_empty()).then(|| PathBuf::from(text)))),
        max_connections: reader.read("MAX_CONNECTIONS", |text| parse::whole(text, 16, 65_536)),
        shutdown_grace: reader
            .read("SHUTDOWN_GRACE_SECONDS", |text| parse::whole(text, 0, 86_400).map(Duration::from_secs)),
        hold_overdue_after: reader.read("HOLD_OVERDUE_AFTER_SECONDS", |text| {
            let seconds = parse::whole(text, 0, HOLD_OVERDUE_MAX_SECONDS)?;
            Ok((seconds > 0).then(|| Duration::from_secs(seconds)))
        }),
        lease: reader.read("LEASE_SECONDS", |text| parse::whole(text, 5, 3_600).map(Duration::from_secs)),
        disabled_job_types: reader.read("DISABLED_JOB_TYPES", parse::job_types),
        type_limits: reader.read("TYPE_LIMITS", parse::type_limits),
        origins: origins(given),
        notes: notes(given),
    };
    let mut problems = reader.into_problems();
    let is_exposed = !settings.host.is_empty() && !settings.is_loopback();
    if settings.needs_loopback() && is_exposed {
        problems.push(exposed(&settings.host));
    }
    if let Some(url) = &settings.public_url
        && !url.ends_with(&settings.base_path)
    {
        problems.push(format!(
            "PUBLIC_URL={url} does not end with BASE_PATH={}: set PUBLIC_URL={url}{0}",
            settings.base_path
        ));
    }
    if problems.is_empty() { Ok(settings) } else { Err(SettingsError(problems)) }
}

fn origins(given: &[Given]) -> BTreeMap<String, String> {
    let named = |given: &Given| Some((live_name(given.setting.name)?.to_owned(), given.origin.clone()));
    given.iter().filter(|given| given.origin != "default").filter_map(named).collect()
}

/// What a setting is called where it is changed while servers run.
fn live_name(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let is_it = |key: &str| key == name || name.strip_prefix("webhook_") == Some(key);
    LIVE_SETTINGS.iter().map(|setting| setting.key).find(|key| is_it(key))
}

/// Whoever names a file as well may think that it is used.
fn notes(given: &[Given]) -> Vec<String> {
    let of = |name: &str| given.iter().find(|given| given.setting.name == name);
    match (of("DATABASE_URL"), of("DB_PATH")) {
        (Some(url), Some(path)) if !url.value.trim().is_empty() && path.origin != "default" => {
            let Given { value, origin, .. } = path;
            vec![format!(
                "DATABASE_URL ({}) wins over DB_PATH={value} ({origin}), which is not used",
                url.origin
            )]
        }
        _ => Vec::new(),
    }
}

fn retention(reader: &mut Reader<'_>) -> Retention {
    Retention {
        jobs: reader.read("JOB_RETENTION_DAYS", parse::days),
        executions: reader.read("LOG_RETENTION_DAYS", parse::days),
        events: reader.read("EVENT_RETENTION_DAYS", parse::days),
        audit: reader.read("AUDIT_RETENTION_DAYS", parse::days),
        idempotency: reader.read("IDEMPOTENCY_RETENTION_DAYS", parse::days),
        deliveries: reader.read("WEBHOOK_DELIVERY_RETENTION_DAYS", parse::days),
        output_max_bytes: reader.read("OUTPUT_TOTAL_MAX_BYTES", |text| {
            let bytes = parse::whole(text, 0, i64::MAX.unsigned_abs())?;
            Ok((bytes > 0).then_some(bytes))
        }),
    }
}

fn webhooks(reader: &mut Reader<'_>) -> WebhookSettings {
    let seconds = |text: &str| parse::whole(text, 1, 120).map(Duration::from_secs);
    let hours = |text: &str| parse::whole(text, 1, 8_760_u64).map(|hours| Duration::from_secs(hours * 3600));
    WebhookSettings {
        schedule: reader.read("WEBHOOK_RETRY_SECONDS", parse::retry_schedule),
        timeout: reader.read("WEBHOOK_TIMEOUT_SECONDS", seconds),
        pause_after: reader.read("WEBHOOK_PAUSE_AFTER_HOURS", hours),
        ..WebhookSettings::default()
    }
}

/// Why a server that others can reach does not start without keys.
#[must_use]
pub fn exposed(host: &str) -> String {
    format!(
        "HOST={host} lets other machines reach the server, and whoever reaches it can run commands on this one: \
         set AUTH_ENABLED=true and make a key with `oneoff-server keys create --admin`, keep HOST=localhost, or, in a \
         network in which everybody may do that, start it with --insecure-no-auth"
    )
}

#[cfg(test)]
mod tests;
