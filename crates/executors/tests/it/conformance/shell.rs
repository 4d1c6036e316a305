//! The fixture of job type `shell`.

use super::{Fixture, Pending};
use crate::support::{PATIENCE, eventually, processes_of};
use oneoff_domain::{ExecutionId, Reason};
use serde_json::{Value, json};

pub(super) struct ShellFixture;

impl Fixture for ShellFixture {
    fn job_type(&self) -> &'static str {
        "shell"
    }

    fn good(&self) -> Vec<Value> {
        vec![
            json!({"script": "true", "env": {"A": "b"}, "args": ["x"], "interpreter": "bash"}),
            json!({"file": "/x"}),
        ]
    }

    fn bad(&self) -> Vec<(Value, &'static str)> {
        vec![
            (json!({}), "/script"),
            (json!({"script": 5}), "/script"),
            (json!({"script": "x", "args": "a"}), "/args"),
        ]
    }

    fn succeeds(&self) -> Value {
        json!({"script": "echo marker"})
    }

    fn fails(&self) -> (Value, Reason) {
        (json!({"script": "exit 7"}), Reason::ExitCode)
    }

    fn lasts(&self) -> Value {
        json!({"script": "echo marker; sleep 300 & sleep 300"})
    }

    fn gone(&self, id: ExecutionId) -> Pending<'_> {
        Box::pin(
            async move { eventually("no process is left", PATIENCE, || processes_of(id).is_empty()).await },
        )
    }
}
