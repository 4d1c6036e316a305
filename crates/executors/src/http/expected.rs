//! Which response statuses are a success.

use crate::fields::Fields;
use oneoff_outbound::http::StatusCode;
use serde_json::Value;
use std::fmt;
use std::ops::RangeInclusive;

const HINT: &str = "a status such as 200, a range such as \"200-299\" or \"2xx\", or an array of these";

/// Statuses that are a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExpectedStatus(Vec<RangeInclusive<u16>>);

impl ExpectedStatus {
    /// Reads the field; without it everything below 400 is a success, as it is in OneOff 1.
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        let below_400 = Self(vec![100..=399]);
        match fields.given("expected_status") {
            None => below_400,
            Some(Value::Array(values)) if values.is_empty() => {
                fields.refuse_with_hint("expected_status", "must name at least one status", HINT);
                below_400
            }
            Some(Value::Array(values)) => {
                let ranges = values.iter().enumerate();
                Self(
                    ranges
                        .filter_map(|(index, value)| {
                            read_one(fields, &format!("expected_status/{index}"), value)
                        })
                        .collect(),
                )
            }
            Some(value) => Self(read_one(fields, "expected_status", value).into_iter().collect()),
        }
    }

    /// Whether a status is among them.
    pub(super) fn includes(&self, status: StatusCode) -> bool {
        self.0.iter().any(|range| range.contains(&status.as_u16()))
    }
}

fn read_one(fields: &mut Fields<'_>, path: &str, value: &Value) -> Option<RangeInclusive<u16>> {
    let range = match value {
        Value::Number(number) => {
            number.as_u64().and_then(|code| u16::try_from(code).ok()).map(|code| code..=code)
        }
        Value::String(text) => parse(text.trim()),
        _ => None,
    };
    let valid = range
        .filter(|range| (100..=599).contains(range.start()) && (*range.start()..=599).contains(range.end()));
    if valid.is_none() {
        fields.refuse_with_hint(path, "is not a status or a range of statuses between 100 and 599", HINT);
    }
    valid
}

fn parse(text: &str) -> Option<RangeInclusive<u16>> {
    if let Some(hundreds) = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
        let hundreds: u16 = hundreds.parse().ok().filter(|hundreds| (1..=5).contains(hundreds))?;
        return Some(hundreds * 100..=hundreds * 100 + 99);
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
}

impl fmt::Display for ExpectedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let (first, last) = (*range.start(), *range.end());
            if index > 0 {
                f.write_str(" or ")?;
            }
            match (first % 100, last - first) {
                _ if (first, last) == (100, 399) => f.write_str("below 400")?,
                (_, 0) => write!(f, "{first}")?,
                (0, 99) => write!(f, "{}xx", first / 100)?,
                _ => write!(f, "{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn statuses_and_ranges_are_read_and_named() {
        for (value, text, within, outside) in [
            (json!(null), "below 400", 302, 400),
            (json!(204), "204", 204, 200),
            (json!("2xx"), "2xx", 299, 300),
            (json!("200-299"), "2xx", 200, 199),
            (json!(["201 - 204", "404", 5]), "201-204 or 404", 404, 205),
        ] {
            let config = json!({"expected_status": value});
            let expected =
                ExpectedStatus::read(&mut Fields::new(config.as_object().unwrap(), &["expected_status"]));
            assert_eq!(expected.to_string(), text);
            assert!(expected.includes(StatusCode::from_u16(within).unwrap()), "{config}");
            assert!(!expected.includes(StatusCode::from_u16(outside).unwrap()), "{config}");
        }
    }
}
