//! The query reader: takes parameters one by one and collects all that is wrong, as the field reader does.

use crate::problem::ApiError;
use crate::read::fields::Field;
use oneoff_domain::{FieldError, Timestamp, ValidationErrors, suggest};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// Reads query parameters. An empty value is never taken for none, by which a filter would let everything
/// through. Every method answers `None` when the parameter is absent or wrong; what is wrong is told by
/// [`Self::finish`].
pub(crate) struct QueryReader {
    known: &'static [Field],
    parameters: Vec<(String, String)>,
    errors: ValidationErrors,
}

impl QueryReader {
    /// A reader of a query string, whose parameters may be `known`.
    pub(crate) fn new(query: &str, known: &'static [Field]) -> Self {
        let mut reader = Self { known, parameters: Vec::new(), errors: ValidationErrors::default() };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()).into_owned() {
            match known.iter().any(|field| field.name == name) {
                // PostgreSQL has no text with it, and so nothing that it could be compared with.
                true if value.contains('\0') => reader.wrong(&name, "must not contain the character NUL"),
                true => reader.parameters.push((name, value)),
                false => reader.unknown(&name),
            }
        }
        reader
    }

    /// Notes that something about the parameter is wrong, with the values that are allowed.
    pub(crate) fn wrong(&mut self, name: &str, message: impl Into<String>) {
        let error = FieldError::new(name, message);
        let allowed = self.known.iter().find(|field| field.name == name).map(|field| field.allowed);
        self.errors.0.push(match allowed {
            Some(allowed) => error.with_hint(allowed),
            None => error,
        });
    }

    /// Whether the parameter was sent.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let text = self.only(name)?;
        if text.is_empty() {
            self.wrong(name, NO_VALUE);
            return None;
        }
        Some(text)
    }

    /// A value that `T` reads.
    pub(crate) fn parsed<T: FromStr>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        self.parse(name, &text)
    }

    /// Values that `T` reads, from repeated parameters and comma-separated ones.
    pub(crate) fn list<T: FromStr>(&mut self, name: &str) -> Vec<T> {
        let texts: Vec<String> =
            self.values(name).flat_map(|value| value.split(',')).map(|text| text.trim().to_owned()).collect();
        let given = texts.iter().filter(|text| !text.is_empty());
        let values: Vec<T> = given.clone().filter_map(|text| self.parse(name, text)).collect();
        if given.count() == 0 && self.has(name) {
            self.wrong(name, NO_VALUE);
        }
        values
    }

    pub(crate) fn integer(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let number: i64 = self.parsed(name)?;
        if !range.contains(&number) {
            self.wrong(name, format!("is out of range: {number}"));
            return None;
        }
        Some(number)
    }

    /// A flag, which is set by its name alone.
    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        let text = self.only(name)?;
        match text.as_str() {
            "" | "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => {
                self.wrong(name, not_allowed(&text));
                None
            }
        }
    }

    /// An instant. A `+` of an offset that was sent unescaped, and so arrives as a space, is understood.
    pub(crate) fn instant(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.text(name)?;
        let unescaped = text.rsplit_once(' ').map(|(time, offset)| format!("{time}+{offset}"));
        let instant = text.parse().ok().or_else(|| unescaped?.parse().ok());
        if instant.is_none() {
            self.wrong(name, not_allowed(&text));
        }
        instant
    }

    /// A time to wait: `30`, `30s`, `500ms` or `1m`, at most `longest`.
    pub(crate) fn wait(&mut self, name: &str, longest: Duration) -> Option<Duration> {
        let text = self.text(name)?;
        match duration(&text).filter(|wait| *wait <= longest) {
            Some(wait) => Some(wait),
            None => {
                self.wrong(name, not_allowed(&text));
                None
            }
        }
    }

    /// Everything was read.
    ///
    /// # Errors
    /// All that is wrong.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        self.errors.into_result().map_err(ApiError::invalid)
    }

    fn only(&mut self, name: &str) -> Option<String> {
        let values: Vec<&str> = self.values(name).take(2).collect();
        match values.as_slice() {
            [] => None,
            [only] => Some((*only).to_owned()),
            _ => {
                self.wrong(name, "is given more than once");
                None
            }
        }
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.parameters.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn parse<T: FromStr>(&mut self, name: &str, text: &str) -> Option<T> {
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.wrong(name, not_allowed(text));
        }
        parsed
    }

    fn unknown(&mut self, name: &str) {
        let known = self.known.iter().map(|field| field.name);
        let hint = match suggest::nearest(name, known.clone()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None if self.known.is_empty() => "no parameters are allowed here".to_owned(),
            None => format!("the parameters are {}", known.collect::<Vec<_>>().join(", ")),
        };
        let name: String = name.chars().take(128).collect();
        self.errors.0.push(FieldError::new(name, "is not a parameter of this request").with_hint(hint));
    }
}

const NO_VALUE: &str = "has no value";

fn not_allowed(text: &str) -> String {
    let text: String = text.chars().take(64).collect();
    format!("`{text}` is not allowed")
}

fn duration(text: &str) -> Option<Duration> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("", 1_000)];
    let (number, millis) =
        units.iter().find_map(|(unit, millis)| Some((text.strip_suffix(unit)?, *millis)))?;
    let number: u64 = number.parse().ok()?;
    number.checked_mul(millis).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::form::Form;
    use oneoff_domain::JobStatus;

    const KNOWN: &[Field] = &[
        Field { name: "status", allowed: "a job status", form: Form::Boolean },
        Field { name: "limit", allowed: "1 to 200", form: Form::Boolean },
        Field { name: "time_from", allowed: "RFC 3339", form: Form::Boolean },
        Field { name: "total", allowed: "true or false", form: Form::Boolean },
        Field { name: "wait", allowed: "at most 60s", form: Form::Boolean },
    ];

    fn told(reader: QueryReader) -> Vec<(String, Option<String>)> {
        let error = reader.finish().unwrap_err();
        error.fields().iter().map(|field| (field.pointer.clone(), field.hint.clone())).collect()
    }

    #[test]
    fn right_parameters_are_read() {
        let query =
            "status=held,running&status=failed&limit=7&time_from=2026-01-01T00%3A00%3A00Z&total=true&wait=2m";
        let mut reader = QueryReader::new(query, KNOWN);
        assert_eq!(
            reader.list::<JobStatus>("status"),
            [JobStatus::Held, JobStatus::Running, JobStatus::Failed]
        );
        assert_eq!(reader.integer("limit", 1..=200), Some(7));
        assert_eq!(reader.instant("time_from").unwrap().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(reader.boolean("total"), Some(true));
        assert_eq!(reader.wait("wait", Duration::from_secs(120)), Some(Duration::from_secs(120)));
        assert!(reader.finish().is_ok());
    }

    #[test]
    fn an_empty_value_sets_a_flag_and_is_wrong_elsewhere() {
        for query in ["status=", "status", "status=,", "status=&status="] {
            let mut reader = QueryReader::new(query, KNOWN);
            assert!(reader.list::<JobStatus>("status").is_empty());
            assert_eq!(told(reader), [("status".to_owned(), Some("a job status".to_owned()))], "{query}");
        }
        let mut reader = QueryReader::new("limit=&&time_from&wait=", KNOWN);
        assert_eq!(reader.integer("limit", 1..=200), None);
        assert_eq!(reader.instant("time_from"), None);
        assert_eq!(reader.wait("wait", Duration::from_secs(60)), None);
        let pointers: Vec<String> = told(reader).into_iter().map(|(pointer, _)| pointer).collect();
        assert_eq!(pointers, ["limit", "time_from", "wait"]);
        for query in ["total", "total="] {
            let mut reader = QueryReader::new(query, KNOWN);
            assert_eq!(reader.boolean("total"), Some(true), "{query}");
            assert!(reader.finish().is_ok());
        }
        assert!(QueryReader::new("=1", KNOWN).finish().is_err(), "the empty name is no parameter");
    }

    #[test]
    fn everything_wrong_is_told_with_what_is_allowed() {
        let query = "status=helt&limit=0&time_from=yesterday&total=yes&wait=61&limits=3";
        let mut reader = QueryReader::new(query, KNOWN);
        reader.list::<JobStatus>("status");
        reader.integer("limit", 1..=200);
        reader.instant("time_from");
        reader.boolean("total");
        reader.wait("wait", Duration::from_secs(60));
        let expected = [
            ("limits", "did you mean `limit`?"),
            ("status", "a job status"),
            ("limit", "1 to 200"),
            ("time_from", "RFC 3339"),
            ("total", "true or false"),
            ("wait", "at most 60s"),
        ];
        assert_eq!(told(reader), expected.map(|(name, hint)| (name.to_owned(), Some(hint.to_owned()))));
    }

    #[test]
    fn numbers_that_are_none_and_repetitions_are_wrong() {
        for query in [
            "limit=x",
            "limit=1.5",
            "limit=1%00",
            "limit=-1",
            "limit=99999999999999999999",
            "limit=1&limit=2",
        ] {
            let mut reader = QueryReader::new(query, KNOWN);
            assert_eq!(reader.integer("limit", 1..=200), None);
            assert!(reader.finish().is_err(), "{query}");
        }
    }

    #[test]
    fn an_offset_that_lost_its_plus_is_understood() {
        let mut reader = QueryReader::new("time_from=2026-01-01T00:00:00+01:00", KNOWN);
        assert_eq!(reader.instant("time_from").unwrap().to_string(), "2025-12-31T23:00:00Z");
    }

    #[test]
    fn waits_have_units() {
        for (text, millis) in [("30", 30_000), ("30s", 30_000), ("250ms", 250), ("1m", 60_000), ("0", 0)] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "-1s", "1.5s", "1h", "99999999999999999999s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
