//! Which events an endpoint wants: names, `job.*`, `*`.

use oneoff_domain::EventKind;
use oneoff_domain::suggest::nearest;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A list of events that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFilter {
    /// No event is named.
    #[error("at least one event is required: a name such as `job.failed`, `job.*`, or `*` for all")]
    Empty,
    /// There is no such event.
    #[error("invalid event type: {given}{}", hint(.suggestion.as_deref()))]
    Unknown {
        /// What was given.
        given: String,
        /// What was probably meant.
        suggestion: Option<String>,
    },
}

fn hint(suggestion: Option<&str>) -> String {
    match suggestion {
        Some(suggestion) => format!(" (did you mean `{suggestion}`?)"),
        None => " (an event is a name such as `job.failed`, `job.*`, or `*` for all)".to_owned(),
    }
}

/// The events that an endpoint wants. Written as version 1 wrote it, as a comma-separated list; read with white
/// space around the commas too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<String>", try_from = "Vec<String>")]
pub struct EventFilter(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    All,
    /// Every event of this group: `job` for `job.*`.
    Group(String),
    One(EventKind),
}

impl EventFilter {
    /// A filter of these words: names of events, `job.*`, `*`.
    ///
    /// # Errors
    /// [`InvalidFilter`], when there is none, or one is no event.
    pub fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidFilter> {
        let mut patterns = Vec::new();
        for word in words {
            let pattern = pattern(word.trim())?;
            if !patterns.contains(&pattern) {
                patterns.push(pattern);
            }
        }
        if patterns.is_empty() { Err(InvalidFilter::Empty) } else { Ok(Self(patterns)) }
    }

    /// Whether the endpoint wants this event.
    #[must_use]
    pub fn matches(&self, kind: EventKind) -> bool {
        self.0.iter().any(|pattern| match pattern {
            Pattern::All => true,
            Pattern::Group(group) => group_of(kind) == group,
            Pattern::One(wanted) => *wanted == kind,
        })
    }
}

fn group_of(kind: EventKind) -> &'static str {
    kind.as_str().split('.').next().unwrap_or_default()
}

fn pattern(word: &str) -> Result<Pattern, InvalidFilter> {
    if word == "*" {
        return Ok(Pattern::All);
    }
    if let Some(group) = word.strip_suffix(".*")
        && EventKind::ALL.iter().any(|kind| group_of(*kind) == group)
    {
        return Ok(Pattern::Group(group.to_owned()));
    }
    word.parse().map(Pattern::One).map_err(|_unknown| {
        let known = EventKind::ALL.iter().map(|kind| kind.as_str());
        let suggestion = nearest(word, known.chain(["job.*"])).map(str::to_owned);
        InvalidFilter::Unknown { given: word.chars().take(64).collect(), suggestion }
    })
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::All => f.write_str("*"),
            Pattern::Group(group) => write!(f, "{group}.*"),
            Pattern::One(kind) => f.write_str(kind.as_str()),
        }
    }
}

impl FromStr for EventFilter {
    type Err = InvalidFilter;

    fn from_str(text: &str) -> Result<Self, InvalidFilter> {
        if text.trim().is_empty() {
            return Err(InvalidFilter::Empty);
        }
        Self::new(text.split(','))
    }
}

impl fmt::Display for EventFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Vec::from(self.clone()).join(","))
    }
}

impl From<EventFilter> for Vec<String> {
    fn from(filter: EventFilter) -> Self {
        filter.0.iter().map(Pattern::to_string).collect()
    }
}

impl TryFrom<Vec<String>> for EventFilter {
    type Error = InvalidFilter;

    fn try_from(words: Vec<String>) -> Result<Self, InvalidFilter> {
        Self::new(words.iter().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(filter: &str) -> Vec<&'static str> {
        let filter: EventFilter = filter.parse().unwrap();
        EventKind::ALL.iter().filter(|kind| filter.matches(**kind)).map(|kind| kind.as_str()).collect()
    }

    #[test]
    fn names_groups_and_all() {
        assert_eq!(wanted("job.failed"), ["job.failed"]);
        assert_eq!(wanted("job.completed,job.failed"), ["job.completed", "job.failed"]);
        assert_eq!(wanted(" job.completed ,\tjob.failed "), ["job.completed", "job.failed"]);
        assert_eq!(wanted("clock.*"), ["clock.step"]);
        assert_eq!(wanted("*").len(), EventKind::ALL.len());
        assert_eq!(wanted("jobs.*"), ["jobs.removed"]);
        assert_eq!(wanted("job.*").len(), 11);
        assert!(wanted("job.*").iter().all(|name| name.starts_with("job.")));
    }

    #[test]
    fn a_filter_survives_its_text_and_json() {
        let filter: EventFilter = "job.failed, job.*,job.failed,*".parse().unwrap();
        assert_eq!(filter.to_string(), "job.failed,job.*,*");
        assert_eq!(filter.to_string().parse::<EventFilter>().unwrap(), filter);
        let json = serde_json::to_value(&filter).unwrap();
        assert_eq!(json, serde_json::json!(["job.failed", "job.*", "*"]));
        assert_eq!(serde_json::from_value::<EventFilter>(json).unwrap(), filter);
        assert!(serde_json::from_str::<EventFilter>(r#"["job.exploded"]"#).is_err());
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for empty in ["", "  "] {
            assert_eq!(empty.parse::<EventFilter>().unwrap_err(), InvalidFilter::Empty);
        }
        assert_eq!(EventFilter::new([]).unwrap_err(), InvalidFilter::Empty);
        for (text, message) in [
            ("job.faild", "invalid event type: job.faild (did you mean `job.failed`?)"),
            ("Job.Failed", "invalid event type: Job.Failed (did you mean `job.failed`?)"),
            (
                "job.failed,",
                "invalid event type:  (an event is a name such as `job.failed`, `job.*`, or `*` for all)",
            ),
            (
                "x.*",
                "invalid event type: x.* (an event is a name such as `job.failed`, `job.*`, or `*` for all)",
            ),
        ] {
            assert_eq!(text.parse::<EventFilter>().unwrap_err().to_string(), message);
        }
        assert!("job.**".parse::<EventFilter>().is_err() && "**".parse::<EventFilter>().is_err());
        assert!("é".repeat(10_000).parse::<EventFilter>().unwrap_err().to_string().len() < 250);
    }
}
