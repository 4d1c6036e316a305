//! A look at something that may hang: one at a time, whose answer is kept. Who asks gets what is known within their
//! patience, and a look that takes longer goes on for those who come later.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

struct State<T> {
    last: Option<(Instant, T)>,
    /// Changes, or is closed, when the look that is under way is over.
    under_way: Option<watch::Receiver<()>>,
}

/// What is kept of looks.
pub(crate) struct Look<T>(Arc<Mutex<State<T>>>);

/// What is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known<T> {
    /// What was seen last.
    pub(crate) value: T,
    /// How long ago.
    pub(crate) age: Duration,
}

impl<T> Default for Look<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State { last: None, under_way: None })))
    }
}

impl<T: Clone + Send + 'static> Look<T> {
    fn lock(state: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was seen last, however long ago.
    pub(crate) fn known(&self) -> Option<Known<T>> {
        let state = Self::lock(&self.0);
        state.last.as_ref().map(|(at, value)| Known { value: value.clone(), age: at.elapsed() })
    }

    /// What is seen now, or was a moment ago by the judgement of `is_fresh`; `None` where that is not known in time. A look
    /// that answers nothing leaves what is known as it is.
    pub(crate) async fn ask<F>(
        &self,
        is_fresh: impl Fn(&Known<T>) -> bool,
        patience: Duration,
        look: impl FnOnce() -> F,
    ) -> Option<T>
    where
        F: Future<Output = Option<T>> + Send + 'static,
    {
        let asked = Instant::now();
        if let Some(known) = self.known().filter(&is_fresh) {
            return Some(known.value);
        }
        let mut over = self.begin(look);
        // It is closed where the look died.
        let _in_time = tokio::time::timeout(patience, over.changed()).await;
        let known = self.known()?;
        (known.age <= asked.elapsed() || is_fresh(&known)).then_some(known.value)
    }

    /// The look that is under way, or a new one.
    fn begin<F>(&self, look: impl FnOnce() -> F) -> watch::Receiver<()>
    where
        F: Future<Output = Option<T>> + Send + 'static,
    {
        let mut state = Self::lock(&self.0);
        let is_under_way = |over: &&watch::Receiver<()>| matches!(over.has_changed(), Ok(false));
        if let Some(under_way) = state.under_way.as_ref().filter(is_under_way) {
            return under_way.clone();
        }
        let (tell, over) = watch::channel(());
        state.under_way = Some(over.clone());
        drop(state);
        let (kept, look) = (Arc::clone(&self.0), look());
        tokio::spawn(async move {
            let seen = look.await;
            let mut state = Self::lock(&kept);
            if let Some(value) = seen {
                state.last = Some((Instant::now(), value));
            }
            drop(state);
            tell.send_replace(());
        });
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn what_is_fresh_is_not_looked_for_again() {
        let look = Look::default();
        assert_eq!(look.ask(|_known| true, LONG, || async { Some(1) }).await, Some(1));
        assert_eq!(look.ask(|_known| true, LONG, || async { Some(2) }).await, Some(1));
        assert_eq!(look.ask(|_known| false, LONG, || async { Some(3) }).await, Some(3));
        assert_eq!(look.ask(|_known| false, LONG, || async { None }).await, None);
        assert_eq!(look.known().unwrap().value, 3);
    }

    #[tokio::test]
    async fn who_asks_does_not_wait_for_a_look_that_hangs_and_no_second_one_is_begun() {
        let look = Look::default();
        let (go_on, waits) = oneshot::channel::<i32>();
        let impatient = Duration::from_millis(1);
        assert_eq!(look.ask(|_known| false, impatient, || async { waits.await.ok() }).await, None);
        let no_second = || async { panic!("one is under way") };
        assert_eq!(look.ask(|_known| false, impatient, no_second).await, None);
        go_on.send(7).unwrap();
        assert_eq!(look.ask(|_known| true, LONG, no_second).await, Some(7));
        assert_eq!(look.ask(|_known| false, LONG, || async { Some(8) }).await, Some(8));
    }

    #[tokio::test]
    async fn after_a_look_that_died_another_one_is_begun() {
        let look = Look::<i32>::default();
        assert_eq!(look.ask(|_known| false, LONG, || async { panic!("it dies") }).await, None);
        assert_eq!(look.ask(|_known| false, LONG, || async { Some(1) }).await, Some(1));
    }
}
