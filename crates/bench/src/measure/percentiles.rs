//! Percentiles of measured values, by nearest rank.

use serde_json::{Value, json};

/// Sorted values in microseconds.
pub(crate) struct Summary(Vec<i64>);

impl Summary {
    pub(crate) fn of(mut values_us: Vec<i64>) -> Self {
        values_us.sort_unstable();
        Self(values_us)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The value that this share of all does not exceed; 0 of nothing.
    pub(crate) fn at_ms(&self, share: f64) -> f64 {
        let position = (self.0.len() as f64 * share).ceil() as usize;
        self.0.get(position.saturating_sub(1)).copied().unwrap_or(0) as f64 / 1_000.0
    }

    pub(crate) fn json_ms(&self) -> Value {
        json!({
            "count": self.count(),
            "p50_ms": self.at_ms(0.50),
            "p99_ms": self.at_ms(0.99),
            "p999_ms": self.at_ms(0.999),
            "max_ms": self.at_ms(1.0),
        })
    }
}

/// The middle one of some figures, or the mean of the two in the middle; `None` of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    let lower = values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_the_nearest() {
        let summary = Summary::of((1..=100).rev().map(|value| value * 1_000).collect());
        assert_eq!((summary.at_ms(0.5), summary.at_ms(0.99), summary.at_ms(1.0)), (50.0, 99.0, 100.0));
        assert_eq!(Summary::of(Vec::new()).at_ms(0.5), 0.0);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }
}
