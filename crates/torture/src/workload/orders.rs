//! The jobs of the workload: shell jobs of several kinds that write down what they do.

use crate::ledger::Order;
use crate::random::Choices;
use oneoff_api_types::CreateJob;
use serde_json::{Map, json};
use std::path::Path;
use std::time::Duration;

/// What a job's script does between its first and its last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    /// Nothing.
    Quick,
    /// Fails until its attempt has this number.
    Failing(u32),
    /// Writes output, a pause, and more output.
    Chatty,
    /// Works for a while, with children in its group and outside of it.
    Long,
    /// Works for longer than a lease lasts, with a child outside of its group.
    Patient,
}

/// The weight of each kind of job in a workload, in percent; what is left are quick ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix {
    /// Jobs that fail and are tried again.
    pub failing: u64,
    /// Jobs with output.
    pub chatty: u64,
    /// Jobs that run for a while.
    pub long: u64,
    /// Jobs that run for longer than a lease lasts.
    pub patient: u64,
    /// Jobs that may run at most once, of all kinds.
    pub at_most_once: u64,
}

impl Mix {
    /// For several nodes: many short jobs, and some that outlive a lease.
    pub const OF_NODES: Self = Self { failing: 12, chatty: 15, long: 15, patient: 3, at_most_once: 35 };
}

impl Default for Mix {
    fn default() -> Self {
        Self { failing: 15, chatty: 20, long: 30, patient: 0, at_most_once: 35 }
    }
}

/// A new job, and when it is to run.
pub(super) fn order(choices: &Choices, mix: Mix, directory: &Path) -> (Order, Duration) {
    let kind = choices.below(100);
    let body = if kind < mix.failing {
        Body::Failing(1 + u32::try_from(choices.below(2)).unwrap_or(0))
    } else if kind < mix.failing + mix.chatty {
        Body::Chatty
    } else if kind < mix.failing + mix.chatty + mix.long {
        Body::Long
    } else if kind < mix.failing + mix.chatty + mix.long + mix.patient {
        Body::Patient
    } else {
        Body::Quick
    };
    let failing_attempts = if let Body::Failing(attempts) = body { attempts } else { 0 };
    let fails_on_crash = choices.percent(mix.at_most_once);
    let concurrency_key = choices.percent(15).then(|| format!("key-{}", choices.below(3)));
    let skipped_after_seconds = choices.percent(15).then(|| u32::try_from(choices.below(2)).unwrap_or(0));
    let order = Order {
        fails_on_crash,
        max_retries: if failing_attempts > 0 { 3 } else { 0 },
        failing_attempts,
        skipped_after_seconds,
        concurrency_key,
        priority: if choices.percent(30) { 1 + u32::try_from(choices.below(10)).unwrap_or(0) } else { 0 },
        held: choices.percent(4),
        script: script(body, directory),
    };
    let due = [0, 0, 20, 150, 400, 1_000, 2_000];
    (order, Duration::from_millis(choices.one_of(&due).copied().unwrap_or(0)))
}

/// The request that asks for it.
pub(super) fn request(name: &str, order: &Order, at: String) -> CreateJob {
    let mut config = Map::new();
    config.insert("script".to_owned(), json!(order.script));
    let skips = order.skipped_after_seconds.is_some();
    CreateJob {
        name: Some(name.to_owned()),
        job_type: "shell".to_owned(),
        config,
        scheduled_at: Some(at),
        allow_past: Some(true),
        external_id: Some(name.to_owned()),
        max_retries: Some(order.max_retries.into()),
        retry_delay_seconds: Some(0),
        priority: (order.priority > 0).then_some(order.priority.into()),
        on_crash: Some(if order.fails_on_crash { "fail" } else { "retry" }.to_owned()),
        on_late: skips.then(|| "skip".to_owned()),
        max_lateness_seconds: order.skipped_after_seconds.map(i64::from),
        concurrency_key: order.concurrency_key.clone(),
        held: order.held.then_some(true),
        ..CreateJob::default()
    }
}

/// Looks for processes of earlier attempts of its job, then writes down that it begins, works, and writes
/// down that it ends. Processes are known by number and start time, as numbers are used again.
fn script(body: Body, directory: &Path) -> String {
    let work = match body {
        Body::Quick => String::new(),
        Body::Failing(attempts) => {
            format!(r#"sleep 0.1; if [ "$ONEOFF_ATTEMPT" -lt {attempts} ]; then say fail; exit 7; fi"#)
        }
        Body::Chatty => "echo \"first of $ONEOFF_EXECUTION_ID\"; sleep 0.15; echo second".to_owned(),
        Body::Long => "(sleep 0.4; say tick) & note $!\n\
                       setsid sh -c 'sleep 0.5; echo \"tick $ONEOFF_JOB_ID $ONEOFF_EXECUTION_ID\" >> journal' & note $!\n\
                       sleep 0.3; wait"
            .to_owned(),
        Body::Patient => {
            "setsid sh -c 'for n in 1 2 3 4 5 6 7 8; do sleep 1; echo \"tick $ONEOFF_JOB_ID $ONEOFF_EXECUTION_ID\" >> journal; done' & note $!\n\
                          for n in 1 2 3 4 5 6 7; do sleep 1; say tick; done; wait"
                .to_owned()
        }
    };
    format!(
        r#"cd '{directory}' || exit 99
alive() {{ v=; {{ read -r a b s d e f g h i j k l m n o p q r t u w v rest < "/proc/$1/stat"; }} 2>/dev/null; }}
say() {{ echo "$1 $ONEOFF_JOB_ID $ONEOFF_EXECUTION_ID" >> journal; }}
note() {{ alive "$1"; echo "$1 $v" >> "processes.$ONEOFF_JOB_ID"; }}
if [ -e "processes.$ONEOFF_JOB_ID" ]; then
  while read -r number start; do
    alive "$number"
    case "$s" in Z|X) ;; *) if [ -n "$v" ] && [ "$v" = "$start" ]; then say overlap; fi ;; esac
  done < "processes.$ONEOFF_JOB_ID"
fi
note $$
say start
{work}
say end"#,
        directory = directory.display()
    )
}
