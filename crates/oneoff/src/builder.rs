//! What can be set before OneOff is started.

use crate::function::{FunctionExecutor, JobError, JobReturn};
use crate::{Error, Handle, Opened};
use oneoff_domain::{Clock, Random};
use oneoff_executors::{BUILTIN_JOB_TYPES, EgressPolicy, Executor, Registry, RunContext};
use oneoff_scheduler::system::{SystemClock, SystemRandom};
use oneoff_scheduler::{GuardianCommand, Retention, SchedulerSettings};
use oneoff_storage::{DatabaseUrl, NotAnAddress, StoreOptions};
use oneoff_webhooks::WebhookSettings;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// OneOff, built but not started.
pub struct OneOff {
    pub(crate) store: StoreOptions,
    pub(crate) registry: Registry,
    pub(crate) settings: SchedulerSettings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) webhooks: WebhookParts,
}

/// What webhooks are made of when the store is open.
pub(crate) struct WebhookParts {
    pub(crate) egress: EgressPolicy,
    pub(crate) sealing_key_file: Option<PathBuf>,
    pub(crate) settings: WebhookSettings,
}

impl OneOff {
    /// Begins with the defaults: `oneoff.db` in the working directory, no job types, UTC.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Opens the database, recovers what an earlier process left behind, and starts jobs as they are due.
    /// Must be called within a tokio runtime, on which the jobs run.
    ///
    /// # Errors
    /// [`Error::Open`] and [`Error::Start`], whose texts say what to do.
    pub async fn start(self) -> Result<Handle, Error> {
        self.open().await?.start().await
    }

    /// The first part of [`Self::start`]: opens the database. For whoever has to do something before any job starts,
    /// and meanwhile.
    ///
    /// # Errors
    /// [`Error::Open`], whose text says what to do.
    pub async fn open(self) -> Result<Opened, Error> {
        Opened::open(self).await
    }
}

/// An executor that waits to be registered, after the built-in ones.
type Registration = Box<dyn FnOnce(&mut Registry) + Send>;

/// What can be set before OneOff is started.
pub struct Builder {
    store: StoreOptions,
    postgres: Option<Result<DatabaseUrl, NotAnAddress>>,
    node_name: Option<String>,
    executors: Vec<Registration>,
    builtins: BTreeSet<String>,
    egress: EgressPolicy,
    webhooks: WebhookSettings,
    sealing_key_file: Option<PathBuf>,
    settings: SchedulerSettings,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            store: StoreOptions::new("oneoff.db"),
            postgres: None,
            node_name: None,
            executors: Vec::new(),
            builtins: BTreeSet::new(),
            egress: EgressPolicy::default(),
            webhooks: WebhookSettings::default(),
            sealing_key_file: None,
            settings: SchedulerSettings::default(),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        }
    }
}

impl Builder {
    /// The SQLite file. Its directory must exist; the file is made when it does not.
    #[must_use]
    pub fn sqlite(mut self, path: impl Into<PathBuf>) -> Self {
        self.store.path = path.into();
        self
    }

    /// The PostgreSQL database, 14 or newer, in place of a file: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. Every
    /// process that is given it is a node: they share the jobs, and each takes over what another one leaves.
    /// [`Self::build`] refuses what is no address.
    #[must_use]
    pub fn postgres(mut self, url: impl AsRef<str>) -> Self {
        self.postgres = Some(DatabaseUrl::new(url.as_ref()));
        self
    }

    /// The name of this process in executions and in the list of nodes; `local` if it is not given. Nodes that share a
    /// database should differ in it: people tell them apart by it, the store does so by itself.
    #[must_use]
    pub fn node_name(mut self, name: impl Into<String>) -> Self {
        self.node_name = Some(name.into());
        self
    }

    /// All options of the store, for what [`Self::sqlite`] does not offer.
    #[must_use]
    pub fn store(mut self, options: StoreOptions) -> Self {
        self.store = options;
        self
    }

    /// Adds a job type.
    #[must_use]
    pub fn executor(mut self, executor: impl Executor) -> Self {
        self.executors.push(Box::new(|registry| registry.register(executor)));
        self
    }

    /// Adds a job type that calls a function. What it returns becomes the execution's output (text) or its
    /// result (JSON); an error makes the attempt fail with the error's text, and retries follow as the job
    /// says. When the job is cancelled or times out, the future is dropped.
    #[must_use]
    pub fn executor_fn<F, Fut, R>(self, job_type: impl Into<String>, function: F) -> Self
    where
        F: Fn(RunContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, JobError>> + Send + 'static,
        R: JobReturn,
    {
        self.executor(FunctionExecutor::new(job_type, function))
    }

    /// Switches a job type on that OneOff brings along: one of [`crate::BUILTIN_JOB_TYPES`]. None is on by
    /// itself, as `shell` runs whatever a job says.
    #[must_use]
    pub fn builtin(mut self, job_type: impl Into<String>) -> Self {
        self.builtins.insert(job_type.into());
        self
    }

    /// When deliveries of webhooks are tried again, how long each may take, and more.
    #[must_use]
    pub fn webhooks(mut self, settings: WebhookSettings) -> Self {
        self.webhooks = settings;
        self
    }

    /// The file of the key by which secrets are sealed: 64 hexadecimal digits that only the owner may read. Nodes that
    /// share a database need the same one. If none is given, a key is made beside the SQLite file when it is first
    /// needed.
    #[must_use]
    pub fn sealing_key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.sealing_key_file = Some(path.into());
        self
    }

    /// Which addresses webhooks and the built-in `http` type may reach.
    #[must_use]
    pub fn egress_policy(mut self, policy: EgressPolicy) -> Self {
        self.egress = policy;
        self
    }

    /// How many attempts may run at a time; 0, the default, is 16 per CPU.
    #[must_use]
    pub fn workers(mut self, count: usize) -> Self {
        self.settings.workers_count = count;
        self
    }

    /// How many attempts of a type may run at a time.
    #[must_use]
    pub fn type_limit(mut self, job_type: impl Into<String>, limit: usize) -> Self {
        self.settings.type_limits.insert(job_type.into(), limit);
        self
    }

    /// The IANA zone of times that name none; UTC if it is not given.
    #[must_use]
    pub fn timezone(mut self, timezone: impl Into<String>) -> Self {
        self.settings.default_timezone = timezone.into();
        self
    }

    /// The priority of jobs that name none: 1 to 10, and 5 if it is not given.
    #[must_use]
    pub fn default_priority(mut self, priority: u8) -> Self {
        self.settings.default_priority = priority;
        self
    }

    /// How long an attempt of a job may take that names no timeout: at most 2,592,000 seconds, and that of its type if it is not
    /// given.
    #[must_use]
    pub fn default_timeout_seconds(mut self, seconds: u32) -> Self {
        self.settings.default_timeout_seconds = Some(seconds);
        self
    }

    /// Worker slots that only jobs of priority 8 and above take; none if it is not given. One is always left for the others.
    #[must_use]
    pub fn reserved_slots(mut self, slots: usize) -> Self {
        self.settings.reserved_slots = slots;
        self
    }

    /// What is kept for how long; the defaults of [`Retention`] if it is not given.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.settings.retention = retention;
        self
    }

    /// Where settings come from that can be changed while it runs, by their names, as people are told who look at them:
    /// `environment WORKERS_COUNT`. It changes nothing else.
    #[must_use]
    pub fn origins(mut self, origins: BTreeMap<String, String>) -> Self {
        self.settings.origins = origins;
        self
    }

    /// How long running attempts may go on after [`Handle::shutdown`]; 30 seconds if it is not given.
    #[must_use]
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.settings.shutdown_grace = grace;
        self
    }

    /// Jobs that are overdue by more than this at start are held with the reason `downtime`, for somebody to release
    /// them. None are if it is not given, except after a restore.
    #[must_use]
    pub fn hold_overdue_after(mut self, lateness: Duration) -> Self {
        self.settings.hold_overdue_after = Some(lateness);
        self
    }

    /// How long the lease of this process lasts, where several share a database; 20 seconds if it is not given. What
    /// runs here ends before it is over, when it cannot be renewed. With SQLite there is none.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// How to start the guardian, which ends processes of jobs when this process dies. The program must call
    /// [`crate::guardian_main`] when it is given these arguments. Only the `shell` type starts processes.
    #[must_use]
    pub fn guardian<A: Into<OsString>>(
        mut self,
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        self.settings.guardian = Some(GuardianCommand { program: program.into(), arguments });
        self
    }

    /// Another clock and source of randomness, for tests that must repeat exactly.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        self.clock = clock;
        self.random = random;
        self
    }

    /// Checks what was set.
    ///
    /// # Errors
    /// [`Error::Setting`], with what is allowed, and [`Error::Address`].
    pub fn build(self) -> Result<OneOff, Error> {
        self.check_settings()?;
        let mut registry = self.builtin_registry()?;
        // A custom executor of the same name wins over the built-in one.
        for register in self.executors {
            register(&mut registry);
        }
        check_job_types(&registry)?;
        let Self {
            mut store, postgres, node_name, settings, clock, random, egress, sealing_key_file, ..
        } = self;
        let webhooks = WebhookParts { egress, sealing_key_file, settings: self.webhooks };
        if let Some(url) = postgres {
            store.server = Some(url?);
        }
        if let Some(name) = node_name {
            store.node_name = name;
        }
        Ok(OneOff { store, registry, settings, clock, random, webhooks })
    }

    /// [`Self::build`] and [`OneOff::start`].
    ///
    /// # Errors
    /// Those of both.
    pub async fn start(self) -> Result<Handle, Error> {
        self.build()?.start().await
    }

    fn check_settings(&self) -> Result<(), Error> {
        let settings = &self.settings;
        if !oneoff_domain::time::is_timezone(&settings.default_timezone) {
            let given = settings.default_timezone.clone();
            return Err(setting("timezone", given, "give an IANA time zone such as Europe/Madrid"));
        }
        if !(1..=oneoff_domain::limits::PRIORITY_MAX).contains(&settings.default_priority) {
            return Err(setting("default_priority", settings.default_priority, "give 1 to 10"));
        }
        if let Some(seconds) = settings.default_timeout_seconds
            && !(1..=oneoff_domain::limits::TIMEOUT_MAX_SECONDS).contains(&seconds)
        {
            return Err(setting("default_timeout_seconds", seconds, "give 1 to 2592000"));
        }
        Ok(())
    }

    fn builtin_registry(&self) -> Result<Registry, Error> {
        if self.builtins.is_empty() {
            return Ok(Registry::new());
        }
        if let Some(unknown) = self.builtins.iter().find(|name| !BUILTIN_JOB_TYPES.contains(&name.as_str())) {
            let allowed = format!("there are {}", BUILTIN_JOB_TYPES.join(", "));
            return Err(setting("a built-in job type", unknown, allowed));
        }
        let mut registry = Registry::builtin(self.egress)?;
        for name in BUILTIN_JOB_TYPES.iter().filter(|name| !self.builtins.contains(**name)) {
            registry.remove(name);
        }
        Ok(registry)
    }
}

fn check_job_types(registry: &Registry) -> Result<(), Error> {
    let allowed = "give a lower-case word of letters, digits, dots, dashes and underscores";
    let is_word = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.len() <= 64
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
    };
    match registry.job_types().find(|name| !is_word(name)) {
        Some(name) => Err(setting("a job type", name, allowed)),
        None => Ok(()),
    }
}

fn setting(what: &'static str, given: impl ToString, allowed: impl Into<String>) -> Error {
    Error::Setting { what, given: given.to_string(), allowed: allowed.into() }
}
