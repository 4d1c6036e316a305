//! The one table of all settings: names, defaults, what is allowed and what they do. Environment variables,
//! flags, config file keys, the embedded default file and `.env.example` all follow from it.

use oneoff::DatabaseUrl;

/// A setting: one row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// The environment variable. `ONEOFF_<name>` is the same and wins over it.
    pub name: &'static str,
    /// The value when no layer gives one.
    pub default: &'static str,
    /// What may be given, as error texts and documentation say it.
    pub allowed: &'static str,
    /// What it does, in lines that fit a comment.
    pub about: &'static [&'static str],
}

impl Setting {
    /// The key in a config file: `db_path`.
    #[must_use]
    pub fn key(&self) -> String {
        self.name.to_ascii_lowercase()
    }

    /// The flag without its dashes: `db-path`.
    #[must_use]
    pub fn flag(&self) -> String {
        self.key().replace('_', "-")
    }

    /// A value of it as it may be shown: the one setting that holds a secret is shown without it.
    #[must_use]
    pub fn shown(&self, value: &str) -> String {
        match self.name {
            "DATABASE_URL" if !value.trim().is_empty() => DatabaseUrl::new(value).map_or_else(
                |_may_hold_a_password| "(not shown, as it may hold a password)".to_owned(),
                |url| url.to_string(),
            ),
            _ => value.to_owned(),
        }
    }

    /// The environment variable that wins over the plain one: `ONEOFF_DB_PATH`.
    #[must_use]
    pub fn prefixed(&self) -> String {
        format!("ONEOFF_{}", self.name)
    }
}

/// The setting of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// Every setting.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "HOST",
        default: "localhost",
        allowed: "a host name or an IP address, without scheme and port",
        about: &[
            "The address to listen on. Any other than loopback needs AUTH_ENABLED=true, or --insecure-no-auth,",
            "as whoever reaches the server can run commands on this machine.",
        ],
    },
    Setting {
        name: "PORT",
        default: "8080",
        allowed: "a whole number from 0 to 65535; 0 picks a free port, which the log names",
        about: &["The port to listen on."],
    },
    Setting {
        name: "DB_PATH",
        default: "./oneoff.db",
        allowed: "the path of a file; its directory must exist",
        about: &["The database file. It is made when it does not exist."],
    },
    Setting {
        name: "DATABASE_URL",
        default: "",
        allowed: "empty, or an address such as postgres://USER:PASSWORD@HOST:5432/DATABASE",
        about: &[
            "The PostgreSQL database (14 or newer) that several nodes share, in place of the file of DB_PATH.",
            "Its password and parameters are never shown. A config file keeps it out of the list of processes.",
        ],
    },
    Setting {
        name: "NODE_NAME",
        default: "",
        allowed: "empty, or 1 to 128 letters, digits, dots, dashes, underscores or colons",
        about: &[
            "The name of this node in executions, status and metrics. Empty is `local` with a file, and the name",
            "of the host with the port with PostgreSQL. Nodes that run at the same time should differ in it.",
        ],
    },
    Setting {
        name: "WORKERS_COUNT",
        default: "0",
        allowed: "a whole number from 0 to 10000; 0 is 16 per CPU",
        about: &["How many attempts may run at the same time."],
    },
    Setting {
        name: "RESERVED_SLOTS",
        default: "0",
        allowed: "a whole number from 0 to 10000",
        about: &[
            "How many of these only jobs of priority 8 and above take, so that they find one free. One is always",
            "left for the others.",
        ],
    },
    Setting {
        name: "LOG_LEVEL",
        default: "info",
        allowed: "debug, info, warn or error",
        about: &["The least severe log lines that are written."],
    },
    Setting {
        name: "LOG_FORMAT",
        default: "auto",
        allowed: "auto, text or json",
        about: &[
            "How log lines are written, always on stderr. auto is text on a terminal and json otherwise.",
        ],
    },
    Setting {
        name: "DEFAULT_TIMEZONE",
        default: "UTC",
        allowed: "an IANA time zone such as Europe/Madrid",
        about: &["The zone of times that come without one. CLI and UI send the person's own."],
    },
    Setting {
        name: "LOG_RETENTION_DAYS",
        default: "90",
        allowed: "a number of days from 0.001 to 36500",
        about: &["How long executions and their output are kept after their end, in days."],
    },
    Setting {
        name: "JOB_RETENTION_DAYS",
        default: "90",
        allowed: "a number of days from 0.001 to 36500",
        about: &[
            "How long finished jobs (completed, failed, cancelled, missed) are kept after their end, in days.",
            "They are removed with their executions, output and everything else that belongs to them.",
        ],
    },
    Setting {
        name: "EVENT_RETENTION_DAYS",
        default: "30",
        allowed: "a number of days from 0.001 to 36500",
        about: &["How long events are kept, in days. A reader further behind is told to start over."],
    },
    Setting {
        name: "AUDIT_RETENTION_DAYS",
        default: "365",
        allowed: "a number of days from 0.001 to 36500",
        about: &["How long audit entries are kept, in days."],
    },
    Setting {
        name: "IDEMPOTENCY_RETENTION_DAYS",
        default: "7",
        allowed: "a number of days from 0.001 to 36500",
        about: &["For how long a request may be repeated with its Idempotency-Key, in days."],
    },
    Setting {
        name: "WEBHOOK_DELIVERY_RETENTION_DAYS",
        default: "30",
        allowed: "a number of days from 0.001 to 36500",
        about: &[
            "How long deliveries of webhooks are kept after they arrived or were given up, in days.",
            "What is still to be sent is kept however old it is.",
        ],
    },
    Setting {
        name: "WEBHOOK_RETRY_SECONDS",
        default: "5,30,120,600,3600,10800,21600,43200,86400",
        allowed: "1 to 20 whole numbers from 1 to 86400, each above the one before, separated by commas",
        about: &[
            "When a delivery of a webhook that failed is tried again, in seconds after its first attempt.",
            "After the last of them it is given up, and can be made again by hand.",
        ],
    },
    Setting {
        name: "WEBHOOK_TIMEOUT_SECONDS",
        default: "30",
        allowed: "a whole number from 1 to 120",
        about: &["How long one attempt to deliver a webhook may take."],
    },
    Setting {
        name: "WEBHOOK_PAUSE_AFTER_HOURS",
        default: "72",
        allowed: "a whole number from 1 to 8760",
        about: &["A webhook to which nothing could be delivered for so long is switched off."],
    },
    Setting {
        name: "SEALING_KEY_FILE",
        default: "",
        allowed: "empty, or the path of a file with 64 hexadecimal digits that only its owner may read",
        about: &[
            "The key by which secrets of webhooks are sealed in the database. Empty is a file beside the database",
            "(oneoff.key beside oneoff.db), made when it is needed. With PostgreSQL, give every node the same file.",
        ],
    },
    Setting {
        name: "OUTPUT_TOTAL_MAX_BYTES",
        default: "10737418240",
        allowed: "a whole number of bytes from 0 to 9223372036854775807; 0 is no bound",
        about: &[
            "How much output of executions is kept in all. Beyond it the oldest output is removed; its",
            "executions stay and are marked as truncated.",
        ],
    },
    Setting {
        name: "DEFAULT_PRIORITY",
        default: "5",
        allowed: "a whole number from 1 to 10",
        about: &["The priority of a job that names none; 10 is the most urgent."],
    },
    Setting {
        name: "DEFAULT_TIMEOUT_SECONDS",
        default: "0",
        allowed: "a whole number from 0 to 2592000; 0 is none but that of the job type",
        about: &["How long an attempt of a job may take that names no timeout_seconds."],
    },
    Setting {
        name: "ENVIRONMENT",
        default: "production",
        allowed: "1 to 64 letters, digits, dots, dashes or underscores",
        about: &["What this server is, for people: shown in its log and its status."],
    },
    Setting {
        name: "AUTH_ENABLED",
        default: "false",
        allowed: "true or false",
        about: &[
            "Whether requests need an API key. The first is made by the link in the log of the first start, with",
            "`oneoff-server keys create --admin`, or by BOOTSTRAP_KEY_FILE.",
        ],
    },
    Setting {
        name: "INSECURE_NO_AUTH",
        default: "false",
        allowed: "true or false",
        about: &[
            "Lets a server without keys listen on an address that others reach. Whoever reaches it can run commands",
            "on its machine: only for a network in which everybody may. As a flag it needs no value.",
        ],
    },
    Setting {
        name: "BOOTSTRAP_KEY_FILE",
        default: "",
        allowed: "the path of a file that only the server's user and at most its group can read, with an API key in it",
        about: &[
            "A file with a key that is to be known with the scope admin, such as one that a secret store provides.",
            "It is read at each start; a key that is known already stays as it is, also when it was revoked.",
        ],
    },
    Setting {
        name: "METRICS_ENABLED",
        default: "true",
        allowed: "true or false",
        about: &["Whether /metrics is served, in the format of Prometheus."],
    },
    Setting {
        name: "BASE_PATH",
        default: "",
        allowed: "empty, or a path such as /oneoff, of letters, digits and -._~/",
        about: &["The path below which everything is served, behind a proxy that shares its host."],
    },
    Setting {
        name: "ALLOWED_HOSTS",
        default: "",
        allowed: "host names, with or without a port, separated by commas",
        about: &[
            "Host names under which the server may be asked, beside its own and that of PUBLIC_URL. Only checked without keys:",
            "it keeps web pages from reaching the server by a name of their own.",
        ],
    },
    Setting {
        name: "ALLOWED_ORIGINS",
        default: "",
        allowed: "origins such as https://ops.example.com, separated by commas",
        about: &["Web pages of other origins that may use the API (CORS). None by default."],
    },
    Setting {
        name: "PUBLIC_URL",
        default: "",
        allowed: "a URL such as https://jobs.example.com, with BASE_PATH where that is set",
        about: &[
            "The URL by which people reach the server, behind a proxy: for the links that it shows, as a host and an",
            "origin that are its own, and, where it begins with https, to keep the session's cookie to HTTPS.",
        ],
    },
    Setting {
        name: "TRUSTED_PROXIES",
        default: "",
        allowed: "addresses and ranges such as 127.0.0.1,10.0.0.0/8, separated by commas",
        about: &[
            "Reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, for the client's address in",
            "log and audit and for HTTPS. Of all others these headers are ignored, as anybody can send them.",
        ],
    },
    Setting {
        name: "EGRESS_POLICY",
        default: "default",
        allowed: "default, strict or none",
        about: &[
            "Which addresses jobs and webhooks may reach: default refuses link-local and metadata addresses,",
            "strict refuses all private and loopback ones as well, none refuses every address.",
        ],
    },
    Setting {
        name: "MAX_CONNECTIONS",
        default: "4096",
        allowed: "a whole number from 16 to 65536",
        about: &[
            "How many connections are served at the same time; more wait to be accepted. Fewer are, where the",
            "system does not allow the server as many open files: the log says so.",
        ],
    },
    Setting {
        name: "SHUTDOWN_GRACE_SECONDS",
        default: "30",
        allowed: "a whole number from 0 to 86400",
        about: &[
            "How long running attempts may go on after a stop was asked for, before they are cancelled.",
        ],
    },
    Setting {
        name: "HOLD_OVERDUE_AFTER_SECONDS",
        default: "0",
        allowed: "a whole number from 0 to 3153600000; 0 holds none",
        about: &[
            "At start, jobs that are overdue by more than this are held with the reason downtime, to be released",
            "by a person, instead of all starting at once. 0 holds none, except after a restore, which holds all.",
        ],
    },
    Setting {
        name: "LEASE_SECONDS",
        default: "20",
        allowed: "a whole number from 5 to 3600",
        about: &[
            "How long the lease of a node lasts, where several nodes share a database. It is renewed four times",
            "meanwhile; what a node runs that does not is taken over by the others after it.",
        ],
    },
    Setting {
        name: "DISABLED_JOB_TYPES",
        default: "",
        allowed: "job types of this server (http, shell), separated by commas",
        about: &["Job types that are switched off."],
    },
    Setting {
        name: "TYPE_LIMITS",
        default: "",
        allowed: "job types of this server with a number from 1 to 10000, such as shell=8,http=64",
        about: &["How many attempts of a job type may run at the same time, within WORKERS_COUNT."],
    },
];

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
