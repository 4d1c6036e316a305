//! The table as Markdown.

use super::rows::{Demand, ROWS, Row, Unit};
use std::fmt::Write as _;

/// The figure of a demand, if its run has one.
pub(super) type Figure<'a> = &'a dyn Fn(&Demand) -> Option<f64>;

/// The rows of which any figure was asked for.
pub(super) fn table(asked: &dyn Fn(&Demand) -> bool, figure: Figure<'_>) -> String {
    let mut text = "| scenario | target | stretch | measured | met |\n|---|---|---|---|---|\n".to_owned();
    for row in ROWS.iter().filter(|row| row.demands.iter().any(asked)) {
        let targets = cells(row, |demand| Some(number(demand.unit, demand.target)));
        let stretches = cells(row, |demand| demand.stretch.map(|bound| number(demand.unit, bound)));
        let measured = cells(row, |demand| {
            Some(figure(demand).map_or("failed".to_owned(), |figure| number(demand.unit, figure)))
        });
        let met = verdict(row, figure);
        let _infallible = writeln!(text, "| {} | {targets} | {stretches} | {measured} | {met} |", row.title);
    }
    text
}

/// `stretch` when every figure reaches its stretch goal (its target, where it has none), `yes` when each reaches
/// its target.
fn verdict(row: &Row, figure: Figure<'_>) -> &'static str {
    let all = |bound: fn(&Demand) -> f64| {
        row.demands
            .iter()
            .all(|demand| figure(demand).is_some_and(|figure| demand.is_met(figure, bound(demand))))
    };
    let has_stretch = row.demands.iter().any(|demand| demand.stretch.is_some());
    match (all(|demand| demand.target), has_stretch && all(|demand| demand.stretch.unwrap_or(demand.target)))
    {
        (true, true) => "stretch",
        (true, false) => "yes",
        (false, _) => "**no**",
    }
}

fn cells(row: &Row, cell: impl Fn(&Demand) -> Option<String>) -> String {
    let named = |demand: &Demand| {
        let text = cell(demand)?;
        Some(if demand.what.is_empty() { text } else { format!("{} {text}", demand.what) })
    };
    row.demands.iter().filter_map(named).collect::<Vec<_>>().join(", ")
}

fn number(unit: Unit, value: f64) -> String {
    match unit {
        Unit::PerSecond => format!("{}/s", thousands(value)),
        Unit::Milliseconds if value >= 20.0 => format!("{value:.0} ms"),
        Unit::Milliseconds => format!("{} ms", short(value, 2)),
        Unit::Bytes => format!("{} MB", short(value / 1e6, 1)),
        Unit::Percent => format!("{} %", short(value, 3)),
    }
}

/// Without zeros at the end.
fn short(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(figure: f64) -> Vec<String> {
        table(&|_| true, &|_| Some(figure)).lines().skip(2).map(str::to_owned).collect()
    }

    #[test]
    fn a_row_says_what_was_asked_and_what_came() {
        let all = lines(35_000.0);
        assert_eq!(all.len(), ROWS.len());
        assert_eq!(
            all[0],
            "| durable single creates over HTTP, 64 connections | 30,000/s, p99 10 ms | 40,000/s | \
             35,000/s, p99 35000 ms | **no** |"
        );
        assert!(all[3].ends_with("| 6,000/s | 10,000/s | 35,000/s | stretch |"), "{}", all[3]);
        assert!(
            all[8].contains("empty 15 MB, 1 M pending 40 MB | empty 8 MB, 1 M pending 25 MB"),
            "{}",
            all[8]
        );
    }

    #[test]
    fn the_target_alone_is_no_stretch() {
        let verdicts = |figure| {
            lines(figure)
                .iter()
                .map(|line| line.rsplit('|').nth(1).unwrap().trim().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(verdicts(7_000.0)[3], "yes");
        assert_eq!(verdicts(0.05)[9], "yes", "there is no stretch goal to reach");
        assert_eq!(verdicts(0.05)[6], "stretch");
    }

    #[test]
    fn what_failed_is_not_met_and_what_was_not_asked_for_is_left_out() {
        let text = table(&|demand| demand.run == "bulk", &|_| None);
        assert_eq!(text.lines().count(), 3);
        assert!(text.ends_with("| failed | **no** |\n"), "{text}");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(thousands(1_234_567.0), "1,234,567");
        assert_eq!(thousands(999.0), "999");
        assert_eq!(number(Unit::Milliseconds, 0.5), "0.5 ms");
        assert_eq!(number(Unit::Milliseconds, 123.4), "123 ms");
        assert_eq!(number(Unit::Bytes, 12_426_160.0), "12.4 MB");
        assert_eq!(number(Unit::Percent, 0.0512), "0.051 %");
    }
}
