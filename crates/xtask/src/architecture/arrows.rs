//! The allowed arrows between the crates, and the crates that only some may use, as data. This is the
//! table of `ARCHITECTURE.md`; a change here is a change of the architecture and belongs into an ADR.

/// Normal and build dependencies: from a package to the packages it may use.
pub(crate) const ARROWS: &[(&str, &[&str])] = &[
    ("oneoff-domain", &[]),
    ("oneoff-faults", &[]),
    ("oneoff-storage", &["oneoff-domain", "oneoff-faults"]),
    ("oneoff-outbound", &["oneoff-domain"]),
    ("oneoff-secrets", &["oneoff-domain", "oneoff-storage"]),
    ("oneoff-executors", &["oneoff-domain", "oneoff-outbound", "oneoff-faults"]),
    ("oneoff-webhooks", &["oneoff-domain", "oneoff-storage", "oneoff-outbound", "oneoff-secrets"]),
    (
        "oneoff-scheduler",
        &["oneoff-domain", "oneoff-storage", "oneoff-executors", "oneoff-secrets", "oneoff-faults"],
    ),
    ("oneoff-api-types", &[]),
    ("oneoff-client", &["oneoff-api-types"]),
    ("oneoff-ui", &[]),
    (
        "oneoff-api",
        &[
            "oneoff-domain",
            "oneoff-api-types",
            "oneoff-storage",
            "oneoff-scheduler",
            "oneoff-webhooks",
            "oneoff-secrets",
            "oneoff-ui",
        ],
    ),
    (
        "oneoff",
        &[
            "oneoff-domain",
            "oneoff-storage",
            "oneoff-executors",
            "oneoff-scheduler",
            "oneoff-webhooks",
            "oneoff-secrets",
        ],
    ),
    ("oneoff-server", &["oneoff", "oneoff-api", "oneoff-domain", "oneoff-storage", "oneoff-scheduler"]),
    ("oneoff-cli", &["oneoff-client", "oneoff-api-types", "oneoff-domain"]),
    ("oneoff-fakes", &["oneoff-domain", "oneoff-executors"]),
    ("oneoff-pg-fixture", &[]),
    ("oneoff-test-server", &["oneoff-server", "oneoff-client", "oneoff-pg-fixture"]),
];

/// Arrows that are allowed only as an optional dependency, switched on by the named feature.
pub(crate) const OPTIONAL_ARROWS: &[(&str, &str, &str)] = &[("oneoff", "oneoff-api", "http")];

/// Leaves: they may use anything, and nothing may use them.
pub(crate) const LEAVES: &[&str] = &["oneoff-xtask", "oneoff-bench", "oneoff-torture"];

/// Features of our crates that only some packages may switch on: what these do must never be in a release.
pub(crate) const RESERVED_FEATURES: &[(&str, &str, &[&str])] =
    &[("oneoff-faults", "armed", &["oneoff-torture"])];

/// Dev-dependencies, which only tests, examples and benchmarks see; what is allowed above is allowed here too.
pub(crate) const DEV_ARROWS: &[(&str, &[&str])] = &[
    ("oneoff-storage", &["oneoff-pg-fixture"]),
    ("oneoff-executors", &["oneoff-fakes"]),
    ("oneoff-scheduler", &["oneoff-fakes", "oneoff-pg-fixture"]),
    ("oneoff-webhooks", &["oneoff-fakes", "oneoff-pg-fixture"]),
    ("oneoff", &["oneoff-fakes"]),
    ("oneoff-api", &["oneoff-fakes", "oneoff-executors", "oneoff-pg-fixture"]),
    ("oneoff-server", &["oneoff-api-types", "oneoff-client", "oneoff-fakes", "oneoff-pg-fixture"]),
    ("oneoff-cli", &["oneoff-test-server"]),
];

/// External crates, by the beginning of their names, that only some packages may name, in tests too.
pub(crate) const RESERVED: &[(&str, &[&str])] = &[
    ("diesel", &["oneoff-storage"]),
    ("libsqlite3-sys", &["oneoff-storage"]),
    ("pq-sys", &["oneoff-storage"]),
    ("openssl", &["oneoff-storage"]),
    ("tokio-postgres", &["oneoff-storage", "oneoff-pg-fixture"]),
    ("actix-web", &["oneoff-api", "oneoff-server"]),
    ("bollard", &["oneoff-executors"]),
    ("reqwest", &["oneoff-outbound", "oneoff-client"]),
    ("metrics", &["oneoff-storage", "oneoff-scheduler", "oneoff-api", "oneoff-server"]),
];

/// What must not be reachable from a package over any number of normal or build dependencies.
pub(crate) const UNREACHABLE: &[(&str, &[&str])] = &[
    ("oneoff-domain", &["tokio", "async-std", "smol", "mio"]),
    ("oneoff-api-types", &["tokio", "async-std", "smol", "mio"]),
    ("oneoff-cli", &["diesel", "libsqlite3-sys", "pq-sys", "openssl-sys", "tokio-postgres", "actix-web"]),
];
