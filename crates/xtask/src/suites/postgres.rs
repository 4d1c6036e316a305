//! The suites that run once more with `DATABASE_URL`, on a PostgreSQL server that is started for them.

use super::{Report, Tally, browser, rust};
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

/// The tests of the scheduler over a store, and the variable that has each of them have a database on a server.
const SCHEDULER: [&str; 4] = ["--package", "oneoff-scheduler", "--test", "engine"];
const STORE: &str = "ONEOFF_TEST_STORE";

/// Those of them that are about a file (its full disk, its failing commits, its restored backup) have no meaning on a
/// server, and are in a module of this name.
const OF_A_SERVER: [&str; 5] = ["--all-features", "--no-fail-fast", "--", "--skip", "of_a_file::"];

/// The tests of the built binary that are the same on both databases: what version 1 documents.
const V1: [&str; 4] = ["--package", "oneoff-server", "--test", "server"];
const OF_V1: [&str; 4] = ["--all-features", "--no-fail-fast", "--", "v1::"];

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
    let all = ["--all-features", "--no-fail-fast", "--tests"];
    let servers =
        rust::run_tests(cargo(workspace, "test", &PACKAGES, &all).env(DATABASE_URL, server.database.url()))?;
    let scheduler =
        rust::run_tests(cargo(workspace, "test", &SCHEDULER, &OF_A_SERVER).env(STORE, "postgres"))?;
    let of_v1 =
        rust::run_tests(cargo(workspace, "test", &V1, &OF_V1).env(DATABASE_URL, server.database.url()))?;
    Ok(both(both(servers, scheduler), of_v1))
}

/// What came of both.
fn both(one: Report, other: Report) -> Report {
    let failures: Vec<String> = [one.failure, other.failure].into_iter().flatten().collect();
    let tally = Tally {
        passed: one.tally.passed + other.tally.passed,
        failed: one.tally.failed + other.tally.failed,
        ignored: one.tally.ignored + other.tally.ignored,
    };
    Report { tally, unit: one.unit, failure: (!failures.is_empty()).then(|| failures.join("\n")) }
}

pub(super) fn browser_tests(workspace: &Workspace) -> Result<Report> {
    let server = TestServer::start()?;
    browser::tests_with(workspace, |npm| {
        npm.env(DATABASE_URL, server.database.url());
    })
}

#[cfg(test)]
mod tests {
    use super::{OF_A_SERVER, Report, SCHEDULER, Tally, both};
    use crate::torture::cargo;
    use crate::workspace::Workspace;

    #[test]
    fn what_failed_in_either_part_is_told_and_all_is_counted() {
        let report = |passed, failure: Option<&str>| Report {
            tally: Tally { passed, failed: usize::from(failure.is_some()), ignored: 1 },
            unit: "tests",
            failure: failure.map(str::to_owned),
        };
        let Report { tally, failure, .. } = both(report(3, None), report(4, Some("it broke")));
        assert_eq!(tally, Tally { passed: 7, failed: 1, ignored: 2 });
        assert_eq!(failure.as_deref(), Some("it broke"));
        assert!(both(report(1, None), report(1, None)).failure.is_none());
    }

    #[test]
    fn only_tests_of_files_are_left_out_of_those_of_the_scheduler() {
        let workspace = Workspace::locate().unwrap();
        let module = OF_A_SERVER.last().unwrap().trim_end_matches("::");
        let about = workspace.root.join("crates/scheduler/tests/engine").join(module).join("mod.rs");
        assert!(
            std::fs::read_to_string(&about).unwrap().starts_with("//! What only a database in a file has")
        );
        let command = cargo(&workspace, "test", &SCHEDULER, &OF_A_SERVER);
        assert!(command.get_args().any(|argument| argument == "--skip"));
    }
}
