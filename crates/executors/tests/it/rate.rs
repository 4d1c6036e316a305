//! Measures how many shell jobs of `true` one machine runs in a second, with so many at a time.

use crate::support::start;
use oneoff_executors::{BaseEnvironment, ShellExecutor};
use serde_json::json;
use std::time::{Duration, Instant};

/// How long one figure is measured.
const PERIOD: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, for an idle machine"]
async fn attempts_of_true_in_a_second() {
    let executor = ShellExecutor::new(BaseEnvironment::of_this_process());
    let config = json!({"script": "true"});
    for concurrent in [1, 8, 32] {
        let began = Instant::now();
        let workers = (0..concurrent).map(|_| {
            let (executor, config) = (executor.clone(), config.clone());
            tokio::spawn(async move {
                let mut count = 0;
                while began.elapsed() < PERIOD {
                    start(&executor, &config).finish().await;
                    count += 1;
                }
                count
            })
        });
        let mut total = 0;
        for worker in workers.collect::<Vec<_>>() {
            total += worker.await.unwrap();
        }
        println!(
            "{concurrent} at a time: {:.0} attempts a second",
            f64::from(total) / began.elapsed().as_secs_f64()
        );
    }
}
