//! Connections to a server that hang and were given up: the threads that wait for them cannot be ended, so that there are
//! only so many of them.

use crate::StoreError;
use crate::failure::unavailable;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// With so many threads that wait for connections which were given up no other connection is opened: where a server
/// takes connections and answers nothing by them, that one would hang as well. All readers may hang twice.
const THREADS_MAX: usize = 10;

/// The server has left so many threads without an answer that no other connection is tried.
#[derive(Debug, thiserror::Error)]
#[error("the server does not answer: {0} calls of it still wait")]
pub(crate) struct StillWaiting(usize);

/// What was given up. Each thread that waits for it holds it.
pub(crate) struct LeftBehind<T>(Mutex<Vec<Weak<T>>>);

impl<T> Default for LeftBehind<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> LeftBehind<T> {
    /// Leaves this to the threads that wait for it.
    pub(crate) fn add(&self, given_up: &Arc<T>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(given_up));
    }

    /// Refuses another connection where too many threads wait for those before.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        left.retain(|given_up| given_up.strong_count() > 0);
        match left.iter().map(Weak::strong_count).sum() {
            ..THREADS_MAX => Ok(()),
            waiting => Err(unavailable(StillWaiting(waiting))),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::connection::AnyConnection;
    use crate::failure::WriteError;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    /// Calls that hang until this is dropped.
    #[derive(Default)]
    pub(crate) struct Hanging {
        began: Arc<AtomicUsize>,
        go_on: Vec<mpsc::Sender<()>>,
    }

    impl Hanging {
        /// Another one.
        pub(crate) fn another(
            &mut self,
        ) -> impl FnOnce(&mut AnyConnection) -> Result<(), WriteError> + Send + 'static {
            let (go_on, waits) = mpsc::channel();
            self.go_on.push(go_on);
            let began = Arc::clone(&self.began);
            move |_conn| {
                began.fetch_add(1, Ordering::AcqRel);
                let _dropped = waits.recv();
                Ok(())
            }
        }

        /// Whether as many hang as may, and this one was refused.
        pub(crate) fn is_bounded(&self, last: &StoreError) -> bool {
            let hang = self.began.load(Ordering::Acquire);
            assert!(hang <= THREADS_MAX, "{hang} hang");
            let is_refused = matches!(last, StoreError::Unavailable(why) if why.is::<StillWaiting>());
            is_refused && hang == THREADS_MAX
        }
    }

    #[test]
    fn only_what_somebody_still_waits_for_counts() {
        let left = LeftBehind::default();
        let given_up = Arc::new(());
        left.add(&given_up);
        let threads: Vec<_> = (1..THREADS_MAX).map(|_| Arc::clone(&given_up)).collect();
        assert!(matches!(left.check(), Err(StoreError::Unavailable(why)) if why.is::<StillWaiting>()));
        drop(given_up);
        left.check().unwrap();
        drop(threads);
        left.check().unwrap();
        assert!(left.0.lock().unwrap().is_empty());
    }
}
