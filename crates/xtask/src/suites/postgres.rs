//! The suites that run once more with `DATABASE_URL`, on a PostgreSQL server that is started for them.

use super::{Report, browser, rust};
use crate::prerequisites::{FOR_RUST_TESTS, require};
use crate::torture::cargo;
use crate::workspace::Workspace;
use anyhow::Result;
use oneoff_pg_fixture::{Cluster, Database, Settings};

/// The variable that names the server, to the tests and to what they start.
pub(super) const DATABASE_URL: &str = "DATABASE_URL";

/// What makes a database of its own for each server on whatever `DATABASE_URL` names. The commands of the server with it
/// are tested by the server's own tests in any case.
const PACKAGES: [&str; 6] =
    ["--package", "oneoff-api", "--package", "oneoff-cli", "--package", "oneoff-test-server"];

/// The files of browser tests that are about what the store answers and streams; the others are about looks and keys.
const BROWSER_TESTS: [&str; 2] = ["e2e/jobs.e2e.ts", "e2e/watch.e2e.ts"];

/// A server whose user may create databases, as a tester's own would. The database goes before the server.
struct TestServer {
    database: Database,
    _cluster: Cluster,
}

impl TestServer {
    fn start() -> Result<Self> {
        require(FOR_RUST_TESTS)?;
        let cluster = Cluster::start(&Settings::default())?;
        let database = cluster.database()?;
        database.query("ALTER ROLE oneoff CREATEDB")?;
        Ok(Self { database, _cluster: cluster })
    }
}

pub(super) fn tests(workspace: &Workspace) -> Result<Report> {
    let server = TestServer::start()?;
    let mut cargo = cargo(workspace, "test", &PACKAGES, &["--all-features", "--no-fail-fast", "--tests"]);
    rust::run_tests(cargo.env(DATABASE_URL, server.database.url()))
}

pub(super) fn browser_tests(workspace: &Workspace) -> Result<Report> {
    let server = TestServer::start()?;
    browser::tests_with(workspace, |npm| {
        npm.arg("--").args(BROWSER_TESTS).env(DATABASE_URL, server.database.url());
    })
}
