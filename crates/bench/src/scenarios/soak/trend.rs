//! Whether a figure stays what it is: its slope, and the least of its first third against the least of its last. What
//! leaks raises the least that is ever seen; what a busy machine needs for a while raises only the rest.

use super::sample::Sample;
use serde_json::{Value, json};

/// What may be more at the end than at the beginning, as a share.
const TOLERATED_SHARE: f64 = 0.10;

/// How a figure moved.
pub(super) struct Trend {
    pub(super) name: &'static str,
    pub(super) is_flat: bool,
    first: f64,
    last: f64,
    first_least: f64,
    last_least: f64,
    slope_per_hour: f64,
}

type Figure = fn(&Sample) -> u64;

const MIB: f64 = 1024.0 * 1024.0;

/// Each figure, and by how much it may move whatever its size: caches fill, a checkpoint comes before or after a
/// look.
const FIGURES: &[(&str, Figure, f64)] = &[
    ("resident_bytes", |sample| sample.resident_bytes, 8.0 * MIB),
    ("guardian_resident_bytes", |sample| sample.guardian_resident_bytes, MIB),
    ("database_bytes", |sample| sample.database_bytes, 8.0 * MIB),
    ("wal_bytes", |sample| sample.wal_bytes, 16.0 * MIB),
    ("open_files", |sample| sample.open_files, 8.0),
    ("threads", |sample| sample.threads, 8.0),
];

pub(super) fn of_all(samples: &[Sample]) -> Vec<Trend> {
    FIGURES
        .iter()
        .map(|(name, figure, tolerated)| {
            let points: Vec<(f64, f64)> =
                samples.iter().map(|sample| (sample.at_seconds, figure(sample) as f64)).collect();
            of(name, &points, *tolerated)
        })
        .collect()
}

fn of(name: &'static str, points: &[(f64, f64)], tolerated: f64) -> Trend {
    let third = points.len().div_ceil(3);
    let first = mean(points.iter().take(third).map(|point| point.1));
    let last = mean(points.iter().rev().take(third).map(|point| point.1));
    let first_least = least(points.iter().take(third).map(|point| point.1));
    let last_least = least(points.iter().rev().take(third).map(|point| point.1));
    let is_flat = last_least - first_least <= tolerated.max(first_least * TOLERATED_SHARE);
    let slope_per_hour = slope(points) * 3600.0;
    Trend { name, is_flat, first, last, first_least, last_least, slope_per_hour }
}

fn least(values: impl Iterator<Item = f64>) -> f64 {
    values.reduce(f64::min).unwrap_or(0.0)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

/// The slope of the line with the least squares, per second.
fn slope(points: &[(f64, f64)]) -> f64 {
    let at = mean(points.iter().map(|point| point.0));
    let value = mean(points.iter().map(|point| point.1));
    let (shared, spread) = points.iter().fold((0.0, 0.0), |(shared, spread), point| {
        let distance = point.0 - at;
        (shared + distance * (point.1 - value), spread + distance * distance)
    });
    if spread > 0.0 { shared / spread } else { 0.0 }
}

impl Trend {
    pub(super) fn json(&self) -> Value {
        json!({
            "is_flat": self.is_flat,
            "first_third_least": self.first_least.round(),
            "last_third_least": self.last_least.round(),
            "first_third": self.first.round(),
            "last_third": self.last.round(),
            "slope_per_hour": self.slope_per_hour.round(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(value: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        (0..60).map(|minute| f64::from(minute) * 60.0).map(|at| (at, value(at))).collect()
    }

    #[test]
    fn what_grows_is_not_flat_and_what_swings_is() {
        let grows = of("x", &points(|at| 100.0 + at / 36.0), 5.0);
        assert!(!grows.is_flat && (grows.slope_per_hour - 100.0).abs() < 0.1, "{}", grows.slope_per_hour);
        let swings = of("x", &points(|at| 100.0 + 50.0 * (at / 60.0 % 2.0)), 5.0);
        assert!(swings.is_flat && swings.slope_per_hour.abs() < 10.0, "{}", swings.slope_per_hour);
        let is_busy_later = |at: f64| if at > 1_800.0 && at % 300.0 > 0.0 { 80.0 } else { 0.0 };
        assert!(of("x", &points(|at| 100.0 + is_busy_later(at)), 5.0).is_flat, "it comes down again");
        let leaks_beside = points(|at| 100.0 + at / 36.0 + is_busy_later(at));
        assert!(!of("x", &leaks_beside, 5.0).is_flat, "what leaks does so under load, too");
        assert!(of("x", &points(|at| 100.0 - at / 60.0), 5.0).is_flat, "what shrinks does not grow");
        assert!(of("x", &[], 5.0).is_flat && of("x", &[(1.0, 1.0)], 5.0).is_flat);
    }
}
