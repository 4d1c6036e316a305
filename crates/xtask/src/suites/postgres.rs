//! The suites that run once more with `DATABASE_URL`, on a PostgreSQL server that is started for them.

use super::{Report, Tally, browser, rust};
use crate::prerequisites::{FOR_RUST_TESTS, require};
use crate::torture::{UNARMED, cargo};
use crate::workspace::Workspace;
use anyhow::Result;
use oneoff_pg_fixture::{Cluster, Database, Settings};

/// The variable that names the server, to the tests and to what they start.
pub(super) const DATABASE_URL: &str = "DATABASE_URL";

/// The tests whose servers each make a database of their own on whatever `DATABASE_URL` names, by their names in the
/// workspace: those of the API, of the CLI, and of the server that tests start. All are built as they are for the suite
/// of the Rust tests; selected by their packages they would be built anew, as Cargo unifies features over what is
/// selected. The commands of the server with a database are tested by the server's own tests in any case.
const OF_SERVERS: [&str; 11] = [
    "--no-fail-fast",
    "--test",
    "api",
    "--test",
    "commands",
    "--test",
    "errors",
    "--test",
    "times",
    "--test",
    "lifecycle",
];

/// The tests of the scheduler over a store, and the variable that has each of them have a database on a server.
/// Those of them that are about a file (its full disk, its failing commits, its restored backup) have no meaning on a
/// server, and are in a module of this name.
const OF_THE_SCHEDULER: [&str; 6] = ["--no-fail-fast", "--test", "engine", "--", "--skip", "of_a_file::"];
const STORE: &str = "ONEOFF_TEST_STORE";

/// The tests of the built binary that are the same on both databases: what version 1 documents.
const OF_V1: [&str; 5] = ["--no-fail-fast", "--test", "server", "--", "v1::"];

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
    let tests = |which: &[&str]| cargo(workspace, "test", &UNARMED, which);
    let servers = rust::run_tests(tests(&OF_SERVERS).env(DATABASE_URL, server.database.url()))?;
    let scheduler = rust::run_tests(tests(&OF_THE_SCHEDULER).env(STORE, "postgres"))?;
    let of_v1 = rust::run_tests(tests(&OF_V1).env(DATABASE_URL, server.database.url()))?;
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
    use super::{OF_SERVERS, OF_THE_SCHEDULER, OF_V1, Report, Tally, both};
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
        let module = OF_THE_SCHEDULER.last().unwrap().trim_end_matches("::");
        let about = workspace.root.join("crates/scheduler/tests/engine").join(module).join("mod.rs");
        assert!(
            std::fs::read_to_string(&about).unwrap().starts_with("//! What only a database in a file has")
        );
        assert!(OF_THE_SCHEDULER.contains(&"--skip"));
    }

    #[test]
    fn every_name_means_one_test_of_the_workspace() {
        let workspace = Workspace::locate().unwrap();
        let metadata = workspace.cargo(&["metadata", "--no-deps", "--format-version", "1"]).output().unwrap();
        let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        let targets = packages.iter().flat_map(|package| package["targets"].as_array().unwrap());
        let tests: Vec<&str> = targets
            .filter(|target| target["kind"][0] == "test")
            .map(|target| target["name"].as_str().unwrap())
            .collect();
        let which = [&OF_SERVERS[..], &OF_THE_SCHEDULER, &OF_V1].concat();
        for pair in which.windows(2).filter(|pair| pair[0] == "--test") {
            assert_eq!(tests.iter().filter(|test| **test == pair[1]).count(), 1, "{}", pair[1]);
        }
    }
}
