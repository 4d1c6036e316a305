//! What can go wrong, what people are told about it, and the exit code it ends with.

use crate::exit::Exit;
use crate::field_flags::flag_of;
use crate::output::escape_controls;
use oneoff_api_types::FieldProblem;
use oneoff_client::ClientError;
use serde_json::{Value, json};
use std::error::Error;
use std::fmt::Write as _;
use std::io;

/// Why a command did not do what it was told.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// What failed.
    pub(crate) message: String,
    /// Why, where that adds something.
    pub(crate) cause: Option<String>,
    /// The next step.
    pub(crate) hint: Option<String>,
    /// The place that is to blame, as lines of their own.
    marked: Option<Box<str>>,
    /// Which of several things it is about.
    subject: Option<Box<str>>,
    /// What the server said, where it refused.
    source: Option<Box<ClientError>>,
    /// Whether nobody reads our output any more: then there is nothing to say.
    pub(crate) is_broken_pipe: bool,
}

impl Failure {
    fn new(exit: Exit, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            exit,
            message,
            cause: None,
            hint: None,
            marked: None,
            subject: None,
            source: None,
            is_broken_pipe: false,
        }
    }

    /// The command line is not accepted.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// There is nothing of that name.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, message)
    }

    /// Something on this machine failed.
    pub(crate) fn local(message: impl Into<String>, error: &(dyn Error + 'static)) -> Self {
        Self { cause: Some(causes(error)), ..Self::new(Exit::Failure, message) }
    }

    /// The same with a next step.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with lines that show the place that is to blame.
    pub(crate) fn with_marked(mut self, lines: Option<String>) -> Self {
        self.marked = lines.map(String::into_boxed_str);
        self
    }

    /// The same failure of one of several things, named by `subject`.
    pub(crate) fn about(mut self, subject: &str) -> Self {
        self.message = format!("{subject}: {}", self.message);
        self.subject = Some(subject.into());
        self
    }

    /// The lines for people: what failed, the fields with their flags, cause, next step and request id.
    pub(crate) fn text(&self) -> String {
        let problem = self.source.as_ref().and_then(|error| error.problem());
        let fields = problem.map(|problem| problem.errors.as_slice()).unwrap_or_default();
        let mut text = match fields {
            [] => {
                format!("{}{}\n", escape_controls(&self.message), self.marked.as_deref().unwrap_or_default())
            }
            [field] => format!("{}{}\n", self.subject(), line_of(field)),
            fields => {
                let lines: String = fields.iter().map(|field| format!("  {}\n", line_of(field))).collect();
                format!("{}{} values are not accepted\n{lines}", self.subject(), fields.len())
            }
        };
        if let Some(cause) = &self.cause {
            let _ = writeln!(text, "cause: {}", escape_controls(cause));
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(text, "hint: {}", escape_controls(hint));
        }
        if let Some(problem) = problem {
            let _ = writeln!(text, "request-id: {}", escape_controls(&problem.request_id));
        }
        text
    }

    fn subject(&self) -> String {
        self.subject.as_ref().map(|subject| format!("{subject}: ")).unwrap_or_default()
    }

    /// The problem document: that of the server where it refused, else one of the same shape.
    pub(crate) fn document(&self) -> Value {
        let problem = self.source.as_ref().and_then(|error| error.problem());
        if let Some(document) = problem.and_then(|problem| serde_json::to_value(problem).ok()) {
            return document;
        }
        json!({
            "type": "about:blank",
            "title": "The command failed",
            "detail": self.message,
            "error": self.message,
            "code": self.code(),
            "cause": self.cause,
            "hint": self.hint,
            "exit_code": self.exit.code(),
        })
    }

    fn code(&self) -> &'static str {
        match self.exit {
            Exit::Usage => "usage",
            Exit::NotFound => "not_found",
            Exit::Auth => "auth",
            Exit::Conflict => "conflict",
            Exit::Unreachable => "unreachable",
            _ => "failure",
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let (exit, hint) = judge(&error);
        let message = error.to_string();
        Self {
            cause: error.source().map(causes),
            hint: hint.map(str::to_owned),
            source: Some(Box::new(error)),
            ..Self::new(exit, message)
        }
    }
}

/// The exit code and the next step of a failed call.
fn judge(error: &ClientError) -> (Exit, Option<&'static str>) {
    const START: &str =
        "is it running? Start it with `oneoff-server`, or name another with --server or ONEOFF_SERVER";
    const KEY: &str = "give a key with ONEOFF_API_KEY or --api-key-file";
    const SCOPE: &str = "use a key that may do this";
    const SERVER: &str = "check the address: --server or ONEOFF_SERVER, with the base path if there is one";
    match error {
        ClientError::Unreachable { was_sent: false, .. } => (Exit::Unreachable, Some(START)),
        ClientError::Unreachable { .. } => (Exit::Unreachable, None),
        ClientError::Settings { .. } => (Exit::Usage, None),
        ClientError::Protocol { status: 502 | 504, .. } => (Exit::Unreachable, Some(SERVER)),
        ClientError::Protocol { .. } => (Exit::Failure, Some(SERVER)),
        ClientError::Problem { problem, .. } => match problem.status {
            401 => (Exit::Auth, Some(KEY)),
            429 if problem.code == "too_many_failed_keys" => (Exit::Auth, Some(KEY)),
            403 => (Exit::Auth, Some(SCOPE)),
            404 | 410 => (Exit::NotFound, None),
            409 | 412 | 428 => (Exit::Conflict, None),
            422 if problem.code.contains("idempotency") => (Exit::Conflict, None),
            400 | 413 | 415 | 422 => (Exit::Usage, None),
            _ => (Exit::Failure, None),
        },
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let is_broken_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        let exit = if is_broken_pipe { Exit::Ok } else { Exit::Failure };
        Self {
            cause: Some(error.to_string()),
            is_broken_pipe,
            ..Self::new(exit, "the output cannot be written")
        }
    }
}

/// A field that is wrong, under the name that the person typed.
fn line_of(field: &FieldProblem) -> String {
    let name = flag_of(&field.pointer).unwrap_or(&field.pointer);
    let hint = match &field.hint {
        // The server's word for the choice is a value; here it is a flag.
        Some(hint) if hint.contains("`earlier`") => format!(" ({hint}: --dst)"),
        Some(hint) => format!(" ({hint})"),
        None => String::new(),
    };
    escape_controls(&format!("{name}: {}{hint}", field.message)).into_owned()
}

/// An error and its sources on one line, without what is said twice.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !texts.iter().any(|said| said.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::Failure;
    use crate::exit::Exit;
    use oneoff_api_types::{FieldProblem, Problem};
    use oneoff_client::ClientError;

    fn refused(status: u16, code: &str) -> Failure {
        let problem = Problem {
            problem_type: "about:blank".into(),
            title: "T".into(),
            status,
            detail: "the job cannot be accepted".into(),
            error: "the job cannot be accepted".into(),
            code: code.into(),
            errors: vec![FieldProblem {
                pointer: "/priority".into(),
                message: "11 is too high\u{1b}[2J".into(),
                hint: Some("1 to 10".into()),
            }],
            request_id: "r-1".into(),
        };
        ClientError::Problem { problem: Box::new(problem), retry_after: None }.into()
    }

    #[test]
    fn every_refusal_has_the_exit_code_of_the_table() {
        for (status, code, exit) in [
            (400, "validation_failed", Exit::Usage),
            (401, "unauthorized", Exit::Auth),
            (429, "too_many_failed_keys", Exit::Auth),
            (429, "slow_down", Exit::Failure),
            (403, "forbidden", Exit::Auth),
            (404, "not_found", Exit::NotFound),
            (410, "removed", Exit::NotFound),
            (409, "illegal_transition", Exit::Conflict),
            (412, "version_mismatch", Exit::Conflict),
            (422, "idempotency_mismatch", Exit::Conflict),
            (500, "internal", Exit::Failure),
            (503, "overloaded", Exit::Failure),
        ] {
            assert_eq!(refused(status, code).exit, exit, "{status}");
        }
    }

    #[test]
    fn the_text_names_the_flag_of_a_field_and_has_no_control_characters() {
        let text = refused(400, "validation_failed").text();
        assert!(text.starts_with("--priority: 11 is too high"), "{text}");
        assert!(text.contains("(1 to 10)") && text.contains("request-id: r-1"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn the_document_is_that_of_the_server_or_has_its_shape() {
        assert_eq!(refused(404, "not_found").document()["request_id"], "r-1");
        let local = Failure::usage("no time").document();
        assert_eq!((&local["code"], &local["exit_code"]), (&"usage".into(), &2.into()));
    }
}
