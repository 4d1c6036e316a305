//! Which request is being handled on this thread, so that whatever is written to the log meanwhile can name it.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::Arc;

thread_local! {
    static CURRENT: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// The id of the request that is being handled on this thread, if one is.
#[must_use]
pub fn current_request() -> Option<Arc<str>> {
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

fn replace(request: Option<Arc<str>>) -> Option<Arc<str>> {
    CURRENT.try_with(|current| current.replace(request)).ok().flatten()
}

/// For as long as it is kept, this request is the one that is being handled on this thread.
#[derive(Debug)]
pub struct RequestScope {
    before: Option<Arc<str>>,
    /// It belongs to the thread on which it was entered.
    _of_this_thread: PhantomData<*const ()>,
}

impl RequestScope {
    /// Handles this request from now on, or none.
    #[must_use]
    pub fn enter(request: Option<Arc<str>>) -> Self {
        Self { before: replace(request), _of_this_thread: PhantomData }
    }
}

impl Drop for RequestScope {
    fn drop(&mut self) {
        replace(self.before.take());
    }
}

/// What `future` answers, which handles this request whenever it is polled.
pub async fn in_request<F: Future>(request: Arc<str>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        let _scope = RequestScope::enter(Some(Arc::clone(&request)));
        future.as_mut().poll(context)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Poll, Waker};

    fn current() -> Option<String> {
        current_request().map(|request| request.as_ref().to_owned())
    }

    #[test]
    fn a_scope_ends_with_the_one_before_it() {
        assert_eq!(current(), None);
        let outer = RequestScope::enter(Some("outer".into()));
        {
            let _inner = RequestScope::enter(Some("inner".into()));
            assert_eq!(current().as_deref(), Some("inner"));
            let _nobodys = RequestScope::enter(None);
            assert_eq!(current(), None);
        }
        assert_eq!(current().as_deref(), Some("outer"));
        drop(outer);
        assert_eq!(current(), None);
    }

    #[test]
    fn a_future_has_its_request_only_while_it_is_polled() {
        let polls = RefCell::new(Vec::new());
        let future = poll_fn(|_context| {
            polls.borrow_mut().push(current());
            if polls.borrow().len() == 2 { Poll::Ready(()) } else { Poll::Pending }
        });
        let mut future = pin!(in_request("r-1".into(), future));
        let mut context = Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
        assert_eq!(current(), None, "others are polled in between");
        assert!(future.as_mut().poll(&mut context).is_ready());
        assert_eq!(*polls.borrow(), [Some("r-1".to_owned()), Some("r-1".to_owned())]);
    }
}
