//! Variables in the config of an HTTP job that is a link of a chain: `{{previous.output}}` and its like, in the URL, in
//! the values of headers and in the body.
//!
//! What a link wrote is put in as data and never as structure: percent-encoded in the URL, where it can change neither
//! host nor path; without control characters in a header; escaped in the body as its content type has it. What does not
//! fit fails the attempt.

use crate::ChainPlace;
use crate::fields::below;
use oneoff_domain::{FieldError, PreviousLink, suggest};
use serde_json::{Map, Value};
use std::fmt::Write as _;
use url::Url;

/// Variables and what they stand for.
const VARIABLES: [&str; 6] = ["output", "output_truncated", "exit_code", "status", "job_id", "execution_id"];
const OPEN: &str = "{{";
const CLOSE: &str = "}}";
const PREFIX: &str = "previous.";
/// Bytes of a header's value that has variables.
const HEADER_MAX_BYTES: usize = 8 * 1024;
/// Bytes of a body that has variables.
const BODY_MAX_BYTES: usize = 1024 * 1024;

type Errors = Vec<FieldError>;

/// Whether a text has a variable.
fn has_variable(text: &str) -> bool {
    Parts(text).any(|part| matches!(part, Part::Variable(_)))
}

/// A piece of a text.
enum Part<'a> {
    Plain(&'a str),
    /// The name of a variable, after `previous.`.
    Variable(&'a str),
}

/// The pieces of what is left of a text.
struct Parts<'a>(&'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        if self.0.is_empty() {
            return None;
        }
        if let Some((name, rest)) = variable_at(self.0) {
            self.0 = rest;
            return Some(Part::Variable(name));
        }
        // Up to the next place where a variable may begin.
        let after_first = self.0.char_indices().nth(1).map_or(self.0.len(), |(at, _)| at);
        let (_, rest) = self.0.split_at(after_first);
        let end = rest.find(OPEN).map_or(self.0.len(), |at| after_first + at);
        let (plain, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(Part::Plain(plain))
    }
}

/// The variable with which a text begins, and what follows it.
fn variable_at(text: &str) -> Option<(&str, &str)> {
    let (inner, rest) = text.strip_prefix(OPEN)?.split_once(CLOSE)?;
    let name = inner.trim().strip_prefix(PREFIX)?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some((name, rest))
}

/// A text with its variables put in by `write`.
fn fill<'a>(text: &'a str, mut write: impl FnMut(&mut String, &'a str)) -> String {
    let mut filled = String::with_capacity(text.len());
    for part in Parts(text) {
        match part {
            Part::Plain(plain) => filled.push_str(plain),
            Part::Variable(name) => write(&mut filled, name),
        }
    }
    filled
}

/// Checks where a config has variables, when it is accepted. What they will stand for is not known then.
pub(super) fn check(config: &Map<String, Value>) -> Result<(), Errors> {
    let mut errors = Vec::new();
    if let Some(url) = config.get("url").and_then(Value::as_str).filter(|url| has_variable(url)) {
        errors.extend(check_url(url));
    }
    for (name, value) in headers(config) {
        let is_host = name.trim().eq_ignore_ascii_case("host");
        if is_host && value.as_str().is_some_and(has_variable) {
            errors.push(host_changes(&format!("/{}", below("headers", name))));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn headers(config: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    config.get("headers").and_then(Value::as_object).into_iter().flatten()
}

fn host_changes(pointer: &str) -> FieldError {
    FieldError::new(pointer, "has a variable in the name of the host: another link must not choose it")
        .with_hint("variables can stand in the path, the query and the fragment of the URL")
}

/// The parts of a URL that no variable may change.
fn target(url: &Url) -> (String, Option<String>, Option<u16>, String, Option<String>) {
    let password = url.password().map(str::to_owned);
    let host = url.host_str().map(str::to_owned);
    (url.scheme().to_owned(), host, url.port_or_known_default(), url.username().to_owned(), password)
}

fn with_each(text: &str, value: &str) -> Option<Url> {
    Url::parse(fill(text, |filled, _| filled.push_str(value)).trim()).ok()
}

fn check_url(text: &str) -> Option<FieldError> {
    // Two values that are good anywhere in a URL, also as a port.
    let (one, other) = (with_each(text, "1"), with_each(text, "2"));
    match (one, other) {
        (Some(one), Some(other)) if target(&one) == target(&other) => None,
        _ => Some(host_changes("/url")),
    }
}

/// The config of an attempt: its variables are what the link before says.
pub(super) fn render(config: &Map<String, Value>, chain: &ChainPlace) -> Result<Map<String, Value>, Errors> {
    check(config)?;
    let values = Values(chain.previous.as_ref());
    let mut rendered = config.clone();
    let mut errors = Vec::new();
    if let Some(Value::String(url)) = rendered.get_mut("url") {
        match values.url(url) {
            Ok(filled) => *url = filled,
            Err(error) => errors.push(error),
        }
    }
    if let Some(Value::Object(headers)) = rendered.get_mut("headers") {
        for (name, value) in headers.iter_mut() {
            let Value::String(text) = value else { continue };
            match values.header(&format!("/{}", below("headers", name)), text) {
                Ok(filled) => *text = filled,
                Err(error) => errors.push(error),
            }
        }
    }
    let escape = Escape::of(config);
    if let Some(body) = rendered.get_mut("body") {
        if let Value::String(text) = body {
            values.text_body(text, escape, &mut errors);
        } else {
            values.json_body(body, &mut errors);
        }
        let bytes = body.as_str().map_or_else(|| body.to_string().len(), str::len);
        if bytes > BODY_MAX_BYTES {
            errors.push(FieldError::new("/body", format!("is {bytes} bytes long with its variables")));
        }
    }
    if errors.is_empty() { Ok(rendered) } else { Err(errors) }
}

/// How a value is written into a body that is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    Json,
    Form,
    Markup,
    Nothing,
}

impl Escape {
    /// As the content type has it that the job names.
    fn of(config: &Map<String, Value>) -> Self {
        let named = headers(config).find(|(name, _)| name.trim().eq_ignore_ascii_case("content-type"));
        let named = named.and_then(|(_, value)| value.as_str()).unwrap_or_default().to_ascii_lowercase();
        let essence = named.split(';').next().unwrap_or_default().trim();
        match essence {
            "application/json" | "text/json" | "application/x-ndjson" => Self::Json,
            _ if essence.ends_with("+json") => Self::Json,
            "application/x-www-form-urlencoded" => Self::Form,
            "text/html" | "text/xml" | "application/xml" => Self::Markup,
            _ if essence.ends_with("+xml") => Self::Markup,
            _ => Self::Nothing,
        }
    }

    fn write(self, to: &mut String, value: &str) {
        match self {
            Self::Json => {
                let quoted = Value::from(value).to_string();
                to.push_str(
                    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default(),
                );
            }
            Self::Form => percent_encode(to, value),
            Self::Markup => {
                for character in value.chars() {
                    match character {
                        '&' => to.push_str("&amp;"),
                        '<' => to.push_str("&lt;"),
                        '>' => to.push_str("&gt;"),
                        '"' => to.push_str("&quot;"),
                        '\'' => to.push_str("&#39;"),
                        other => to.push(other),
                    }
                }
            }
            Self::Nothing => to.push_str(value),
        }
    }
}

/// Everything but letters, digits, `-`, `_`, `.` and `~` (RFC 3986 section 2.3).
fn percent_encode(to: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            to.push(char::from(byte));
        } else {
            let _infallible = write!(to, "%{byte:02X}");
        }
    }
}

/// What the variables stand for.
struct Values<'a>(Option<&'a PreviousLink>);

impl Values<'_> {
    /// The value of a variable; what there is none of is empty.
    fn get(&self, name: &str) -> Option<String> {
        let text = |read: fn(&PreviousLink) -> String| self.0.map(read).unwrap_or_default();
        Some(match name {
            "output" => text(|link| link.output.clone()),
            "output_truncated" => text(|link| link.output_truncated.to_string()),
            "exit_code" => text(|link| link.exit_code.map(|code| code.to_string()).unwrap_or_default()),
            "status" => text(|link| link.status.to_string()),
            "job_id" => text(|link| link.job_id.to_string()),
            "execution_id" => text(|link| link.execution_id.map(|id| id.to_string()).unwrap_or_default()),
            _ => return None,
        })
    }

    /// A text with its variables put in.
    fn fill(
        &self,
        pointer: &str,
        text: &str,
        write: impl Fn(&mut String, &str),
    ) -> Result<String, FieldError> {
        let mut unknown = None;
        let filled = fill(text, |filled, name| match self.get(name) {
            Some(value) => write(filled, &value),
            None => unknown = Some(name),
        });
        match unknown {
            None => Ok(filled),
            Some(name) => Err(unknown_variable(pointer, name)),
        }
    }

    fn url(&self, text: &str) -> Result<String, FieldError> {
        if !has_variable(text) {
            return Ok(text.to_owned());
        }
        let filled = self.fill("/url", text, percent_encode)?;
        let (expected, actual) = (with_each(text, "1"), Url::parse(filled.trim()).ok());
        match (expected, actual) {
            (Some(expected), Some(actual)) if target(&expected) == target(&actual) => {
                // A value of `.` or `..` would lead to another path.
                let plain = fill(text, |filled, _| filled.push('1'));
                match dot_segments(&filled) == dot_segments(&plain) {
                    true => Ok(filled),
                    false => Err(FieldError::new("/url", "would lead to another path with its variables")),
                }
            }
            _ => Err(FieldError::new("/url", "is not the same host, or no URL any more, with its variables")),
        }
    }

    fn header(&self, pointer: &str, text: &str) -> Result<String, FieldError> {
        if !has_variable(text) {
            return Ok(text.to_owned());
        }
        let filled = self.fill(pointer, text, |filled, value| filled.push_str(value))?;
        if filled.chars().any(char::is_control) {
            let message = "has a line break or another control character with its variables";
            return Err(FieldError::new(pointer, message)
                .with_hint("put the output of several lines into the body instead"));
        }
        if filled.len() > HEADER_MAX_BYTES {
            let message =
                format!("is {} bytes long with its variables; at most {HEADER_MAX_BYTES}", filled.len());
            return Err(FieldError::new(pointer, message));
        }
        Ok(filled)
    }

    fn text_body(&self, text: &mut String, escape: Escape, errors: &mut Errors) {
        match self.fill("/body", text, |filled, value| escape.write(filled, value)) {
            Ok(filled) => *text = filled,
            Err(error) => errors.push(error),
        }
    }

    /// The texts within JSON, which are escaped when it is written out. A text that is the exit code and nothing else
    /// becomes the number.
    fn json_body(&self, json: &mut Value, errors: &mut Errors) {
        match json {
            Value::String(text) => match variable_at(text.trim()) {
                Some(("exit_code", "")) => {
                    *json = self.0.and_then(|link| link.exit_code).map_or(Value::Null, Value::from);
                }
                _ => self.text_body(text, Escape::Nothing, errors),
            },
            Value::Array(items) => items.iter_mut().for_each(|item| self.json_body(item, errors)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.json_body(field, errors)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// How many parts of the path of a URL's text are `.` or `..`, written in any way.
fn dot_segments(url: &str) -> usize {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let is_dots = |part: &&str| {
        let part = part.trim().to_ascii_lowercase().replace("%2e", ".");
        part == "." || part == ".."
    };
    path.split(['/', '\\']).filter(is_dots).count()
}

fn unknown_variable(pointer: &str, name: &str) -> FieldError {
    let given: String = name.chars().take(64).collect();
    let hint = match suggest::nearest(name, VARIABLES) {
        Some(near) => format!("did you mean `{{{{{PREFIX}{near}}}}}`?"),
        None => format!("after `{PREFIX}`: {}", VARIABLES.join(", ")),
    };
    FieldError::new(pointer, format!("has the variable `{PREFIX}{given}`, which there is not"))
        .with_hint(hint)
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
