//! Percentiles of measured values, by nearest rank.

use serde_json::{Value, json};

/// Summary of values in microseconds, as milliseconds.
pub(crate) fn summary_ms(mut values_us: Vec<i64>) -> Value {
    values_us.sort_unstable();
    let at = |share: f64| milliseconds(rank(&values_us, share));
    json!({
        "count": values_us.len(),
        "p50_ms": at(0.50),
        "p99_ms": at(0.99),
        "p999_ms": at(0.999),
        "max_ms": at(1.0),
    })
}

fn rank(sorted: &[i64], share: f64) -> i64 {
    let position = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(position.saturating_sub(1)).copied().unwrap_or(0)
}

fn milliseconds(micros: i64) -> f64 {
    micros as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::rank;

    #[test]
    fn ranks_are_the_nearest() {
        let values: Vec<i64> = (1..=100).collect();
        assert_eq!((rank(&values, 0.5), rank(&values, 0.99), rank(&values, 1.0)), (50, 99, 100));
        assert_eq!(rank(&[], 0.5), 0);
    }
}
