//! Points that are walked on servers of their own, some at a time.

use std::future::Future;
use tokio::task::JoinSet;

/// Walks all of them, each with its number.
pub(crate) async fn walk<F>(points: Vec<String>, at_a_time: usize, one_point: impl Fn(usize, String) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut points = points.into_iter().enumerate();
    let mut running = JoinSet::new();
    loop {
        while running.len() < at_a_time
            && let Some((number, point)) = points.next()
        {
            running.spawn(one_point(number, point));
        }
        match running.join_next().await {
            Some(done) => done.unwrap(),
            None => return,
        }
    }
}
