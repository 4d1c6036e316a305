//! The table of targets: what is run for it, with which settings, and what each row asks of the figures.

/// A scenario with the settings of the table.
pub(super) struct Run {
    pub(super) name: &'static str,
    /// The scenario and its settings.
    pub(super) arguments: &'static [&'static str],
    /// Settings for trying the command out; later ones win.
    pub(super) quick: &'static [&'static str],
    /// Whether it takes `--server`.
    pub(super) has_server: bool,
}

/// A unit, and with it the form of a figure.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unit {
    PerSecond,
    Milliseconds,
    Bytes,
    Percent,
}

/// One demand of a row.
pub(super) struct Demand {
    /// What the figure is called, where a row has several.
    pub(super) what: &'static str,
    /// The run that it is from.
    pub(super) run: &'static str,
    /// Where it is in the run's figures.
    pub(super) figure: &'static str,
    pub(super) unit: Unit,
    pub(super) target: f64,
    pub(super) stretch: Option<f64>,
}

impl Demand {
    /// Whether a figure is at least as good as a bound.
    pub(super) fn is_met(&self, figure: f64, bound: f64) -> bool {
        match self.unit {
            Unit::PerSecond => figure >= bound,
            Unit::Milliseconds | Unit::Bytes | Unit::Percent => figure <= bound,
        }
    }
}

/// A row of the table.
pub(super) struct Row {
    pub(super) title: &'static str,
    pub(super) demands: &'static [Demand],
}

/// The figures that the server's binary itself has.
pub(super) const BINARY: &str = "binary";

const fn run(name: &'static str, arguments: &'static [&'static str], quick: &'static [&'static str]) -> Run {
    Run { name, arguments, quick, has_server: true }
}

const fn in_process(
    name: &'static str,
    arguments: &'static [&'static str],
    quick: &'static [&'static str],
) -> Run {
    Run { name, arguments, quick, has_server: false }
}

/// Everything that is run. Files that are kept are used by runs that follow each other.
pub(super) const RUNS: &[Run] = &[
    run("create", &["create", "--seconds=15"], &["--seconds=1", "--connections=4"]),
    run("bulk", &["bulk", "--seconds=10"], &["--seconds=1", "--connections=2", "--jobs-per-request=50"]),
    in_process("throughput", &["throughput"], &["--jobs=200", "--pending=500"]),
    run("http-jobs", &["http-jobs", "--jobs=40000"], &["--jobs=50"]),
    run("shell-jobs", &["shell-jobs", "--jobs=10000"], &["--jobs=20"]),
    in_process("lateness", &["lateness"], &["--pending=500", "--rate=50", "--seconds=1"]),
    in_process("burst", &["burst"], &["--pending=500", "--jobs=100"]),
    run("start", &["start"], &["--pending=500", "--rounds=1"]),
    run("recovery", &["recovery"], &["--pending=500", "--rounds=1"]),
    run(
        "idle-pending",
        &["idle", "--pending=1000000"],
        &["--pending=500", "--seconds=1", "--settle-seconds=1"],
    ),
    run("idle-empty", &["idle", "--seconds=20"], &["--seconds=1", "--settle-seconds=1"]),
    run("reads", &["reads"], &["--jobs=500", "--executions=500", "--requests=5"]),
];

/// The table.
pub(super) const ROWS: &[Row] = &[
    Row {
        title: "durable single creates over HTTP, 64 connections",
        demands: &[
            faster("", "create", "/jobs_per_second", 30_000.0, Some(40_000.0)),
            within("p99", "create", "/latency/p99_ms", 10.0, None),
        ],
    },
    Row {
        title: "bulk create over HTTP, 1,000 jobs per request",
        demands: &[faster("", "bulk", "/jobs_per_second", 100_000.0, Some(150_000.0))],
    },
    Row {
        title: "no-op jobs, claimed and finished durably, 1 M pending",
        demands: &[faster("", "throughput", "/jobs_per_second", 40_000.0, Some(60_000.0))],
    },
    Row {
        title: "HTTP jobs against a local target",
        demands: &[faster("", "http-jobs", "/jobs_per_second", 6_000.0, Some(10_000.0))],
    },
    Row {
        title: "shell jobs (`true`)",
        demands: &[faster("", "shell-jobs", "/jobs_per_second", 2_500.0, Some(3_500.0))],
    },
    Row {
        title: "lateness at 1,000 due/s, 1 M pending, beyond twice the disk's sync time",
        demands: &[
            within("p50", "lateness", "/beyond_two_syncs/p50_ms", 0.5, None),
            within("p99", "lateness", "/beyond_two_syncs/p99_ms", 5.0, Some(2.0)),
        ],
    },
    Row {
        title: "10,000 jobs due in the same millisecond: last start",
        demands: &[within("", "burst", "/last_start_ms", 300.0, Some(150.0))],
    },
    Row {
        title: "start with 1 M jobs: listening / armed",
        demands: &[
            within("listening", "start", "/listening/p50_ms", 20.0, Some(10.0)),
            within("armed", "start", "/next_start/p50_ms", 200.0, Some(100.0)),
        ],
    },
    Row {
        title: "RSS idle: empty / 1 M pending",
        demands: &[
            bytes("empty", "idle-empty", "/resident_bytes", 15e6, Some(8e6)),
            bytes("1 M pending", "idle-pending", "/resident_bytes", 40e6, Some(25e6)),
        ],
    },
    Row {
        title: "idle CPU with 1 M pending",
        demands: &[Demand {
            what: "",
            run: "idle-pending",
            figure: "/cpu_percent_of_a_core",
            unit: Unit::Percent,
            target: 0.1,
            stretch: None,
        }],
    },
    Row {
        title: "served lists, get, search, counters at 1 M jobs and 1 M executions: worst p99",
        demands: &[within("", "reads", "/worst_served/p99_ms", 5.0, Some(2.0))],
    },
    Row {
        title: "`kill -9` to dispatching again, 1 M jobs",
        demands: &[within("", "recovery", "/next_start/p50_ms", 500.0, Some(200.0))],
    },
    Row { title: "server binary, stripped", demands: &[bytes("", BINARY, "/bytes", 20e6, None)] },
];

const fn faster(
    what: &'static str,
    run: &'static str,
    figure: &'static str,
    target: f64,
    stretch: Option<f64>,
) -> Demand {
    Demand { what, run, figure, unit: Unit::PerSecond, target, stretch }
}

const fn within(
    what: &'static str,
    run: &'static str,
    figure: &'static str,
    target: f64,
    stretch: Option<f64>,
) -> Demand {
    Demand { what, run, figure, unit: Unit::Milliseconds, target, stretch }
}

const fn bytes(
    what: &'static str,
    run: &'static str,
    figure: &'static str,
    target: f64,
    stretch: Option<f64>,
) -> Demand {
    Demand { what, run, figure, unit: Unit::Bytes, target, stretch }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_demand_is_of_a_run_and_every_run_is_asked_for() {
        let asked: Vec<&str> = ROWS.iter().flat_map(|row| row.demands).map(|demand| demand.run).collect();
        for name in &asked {
            assert!(*name == BINARY || RUNS.iter().any(|run| run.name == *name), "{name}");
        }
        for run in RUNS {
            assert!(asked.contains(&run.name), "{}", run.name);
        }
    }
}
