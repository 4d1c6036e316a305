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
            json!({"file": "/x", "script": null, "is_path": null, "interpreter": "anything", "env": null, "args": null}),
            json!({"script": "/x", "is_path": true, "workdir": "/"}),
            json!({"script": "x", "is_path": false, "file": null, "interpreter": ["deno", "eval"], "env": {"A_B": ""}}),
        ]
    }

    fn bad(&self) -> Vec<(Value, &'static str)> {
        vec![
            (json!({}), "/script"),
            (json!({"script": 5}), "/script"),
            (json!({"script": "x", "args": "a"}), "/args"),
            (json!({"script": "x", "args": [1]}), "/args/0"),
            (json!({"script": " \n "}), "/script"),
            (json!({"script": "a\0b"}), "/script"),
            (json!({"script": "x".repeat(128 * 1024)}), "/script"),
            (json!({"script": null}), "/script"),
            (json!({"script": "x", "file": "/x"}), "/file"),
            (json!({"file": "/x", "is_path": false}), "/file"),
            (json!({"file": " "}), "/file"),
            (json!({"file": "/x", "workdir": ""}), "/workdir"),
            (json!({"file": format!("/{}", "x".repeat(4095))}), "/file"),
            (json!({"script": "x", "interpreter": []}), "/interpreter"),
            (json!({"script": "x", "interpreter": " "}), "/interpreter"),
            (json!({"script": "x", "interpreter": [5]}), "/interpreter/0"),
            (json!({"script": "x", "interpreter": {}}), "/interpreter"),
            (json!({"script": "x", "env": {"A=B": "c"}}), "/env/A=B"),
            (json!({"script": "x", "env": {"": "c"}}), "/env/"),
            (json!({"script": "x", "env": {"A": 1}}), "/env/A"),
            (json!({"script": "x", "env": {"ONEOFF_JOB_ID": "c"}}), "/env/ONEOFF_JOB_ID"),
            (json!({"script": "x", "env": []}), "/env"),
            (json!({"script": "x", "timeout": 1.5}), "/timeout"),
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
