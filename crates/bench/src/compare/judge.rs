//! Which of two builds has the better figures, and by how much.

use crate::measure::percentiles::median;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Ends of the names of figures of which more is better.
const MORE_IS_BETTER: [&str; 1] = ["_per_second"];
/// Ends and parts of those of which less is better.
const LESS_IS_BETTER: [&str; 6] =
    ["_ms", "_bytes", "_percent_of_a_core", "_us_per_job", "_us_per_request", "_cores"];
/// Figures of single events, of the load generator and of the disk: they are no property of a build.
const NOT_JUDGED: [&str; 7] =
    ["max_ms", "p999_ms", "load_generator", "target_cpu", "disk_sync", "server_cpu_cores", "bare_"];

/// A figure of two builds.
pub(super) struct Comparison {
    pub(super) figure: String,
    this: f64,
    other: f64,
    /// How many times as good this build is: the median of the rounds, the least and the most.
    ratio: f64,
    least: f64,
    most: f64,
}

impl Comparison {
    pub(super) fn is_worse_than(&self, least: f64) -> bool {
        self.ratio < least && is_judged(&self.figure)
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "figure": self.figure,
            "this": self.this,
            "other": self.other,
            "ratio": self.ratio,
            "least_ratio": self.least,
            "most_ratio": self.most,
            "judged": is_judged(&self.figure),
        })
    }
}

/// Compares the figures that both have in every round. A ratio above 1 is in favour of the first.
pub(super) fn compare(this: &[Value], other: &[Value]) -> Vec<Comparison> {
    let Some(first) = this.first() else { return Vec::new() };
    let mut names = Vec::new();
    name_numbers(first, String::new(), &mut names);
    names.into_iter().filter_map(|name| one(&name, this, other)).collect()
}

fn one(name: &str, this: &[Value], other: &[Value]) -> Option<Comparison> {
    let more_is_better = direction(name)?;
    let all = |rounds: &[Value]| {
        rounds.iter().map(|figures| figures.pointer(name)?.as_f64()).collect::<Option<Vec<f64>>>()
    };
    let (these, others) = (all(this)?, all(other)?);
    let ratios: Vec<f64> = these
        .iter()
        .zip(&others)
        .filter_map(|(this, other)| if more_is_better { ratio(*this, *other) } else { ratio(*other, *this) })
        .collect();
    Some(Comparison {
        figure: name.trim_start_matches('/').to_owned(),
        this: median(these)?,
        other: median(others)?,
        ratio: median(ratios.clone())?,
        least: ratios.iter().copied().fold(f64::INFINITY, f64::min),
        most: ratios.iter().copied().fold(0.0, f64::max),
    })
}

fn ratio(better: f64, base: f64) -> Option<f64> {
    match (better, base) {
        (0.0, 0.0) => Some(1.0),
        (_, 0.0) | (0.0, _) => None,
        (better, base) => Some(better / base),
    }
}

/// Whether more of it is better; `None` of what is neither.
fn direction(name: &str) -> Option<bool> {
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    if ends(&MORE_IS_BETTER) {
        return Some(true);
    }
    ends(&LESS_IS_BETTER).then_some(false)
}

fn is_judged(name: &str) -> bool {
    !NOT_JUDGED.iter().any(|part| name.contains(part))
}

/// The pointers to all numbers.
fn name_numbers(value: &Value, at: String, names: &mut Vec<String>) {
    match value {
        Value::Number(_) => names.push(at),
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| name_numbers(value, format!("{at}/{name}"), names));
        }
        _ => (),
    }
}

/// The comparisons of a scenario as Markdown.
pub(super) fn table(scenario: &str, comparisons: &[Comparison], fail_below: Option<f64>) -> String {
    let mut text = format!(
        "`{scenario}`: a ratio above 1 is in favour of this build\n\n\
         | figure | this | other | ratio | least to most | |\n|---|---|---|---|---|---|\n"
    );
    for one in comparisons {
        let verdict = match fail_below {
            Some(least) if one.is_worse_than(least) => "**worse**",
            _ if !is_judged(&one.figure) => "not judged",
            _ => "",
        };
        let _infallible = writeln!(
            text,
            "| {} | {:.3} | {:.3} | {:.3} | {:.3} to {:.3} | {verdict} |",
            one.figure, one.this, one.other, one.ratio, one.least, one.most,
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(values: &[(f64, f64)]) -> Vec<Value> {
        values
            .iter()
            .map(|(rate, late)| json!({ "jobs_per_second": rate, "latency": { "p99_ms": late, "max_ms": late, "count": 3 } }))
            .collect()
    }

    #[test]
    fn a_ratio_is_of_the_rounds_and_above_one_for_the_better() {
        let this = rounds(&[(110.0, 5.0), (120.0, 5.0), (90.0, 20.0)]);
        let other = rounds(&[(100.0, 10.0), (100.0, 10.0), (100.0, 10.0)]);
        let found = compare(&this, &other);
        let names: Vec<&str> = found.iter().map(|one| one.figure.as_str()).collect();
        assert_eq!(names, ["jobs_per_second", "latency/p99_ms", "latency/max_ms"]);
        assert_eq!((found[0].ratio, found[0].least, found[0].most), (1.1, 0.9, 1.2));
        assert_eq!((found[1].ratio, found[1].least, found[1].most), (2.0, 0.5, 2.0));
    }

    #[test]
    fn worse_is_below_the_bound_and_only_what_is_judged() {
        let found = compare(&rounds(&[(80.0, 30.0)]), &rounds(&[(100.0, 10.0)]));
        assert!(found[0].is_worse_than(0.9) && !found[0].is_worse_than(0.8));
        assert!(found[1].is_worse_than(0.9));
        assert!(!found[2].is_worse_than(0.9), "a maximum is a single event");
        let text = table("create", &found, Some(0.9));
        assert_eq!(text.matches("**worse**").count(), 2, "{text}");
        assert_eq!(text.matches("not judged").count(), 1, "{text}");
    }

    #[test]
    fn what_the_machine_itself_takes_is_not_judged() {
        assert!(is_judged("/jobs_per_second") && !is_judged("/bare_starts_per_second"));
    }

    #[test]
    fn what_only_one_build_has_is_not_compared() {
        let other = vec![json!({ "jobs_per_second": 1.0, "latency": { "p50_ms": 1.0 } })];
        let found = compare(&rounds(&[(1.0, 1.0)]), &other);
        assert_eq!(found.len(), 1);
        assert!(compare(&[], &other).is_empty());
    }

    #[test]
    fn nothing_against_nothing_is_even() {
        assert_eq!(ratio(0.0, 0.0), Some(1.0));
        assert_eq!(ratio(1.0, 0.0), None);
    }
}
