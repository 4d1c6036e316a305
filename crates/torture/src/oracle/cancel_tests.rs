//! Cancels that the end of the attempt answers.

use super::tests::{Book, good};
use super::{Rule, judge};
use crate::ledger::{Answer, Deed, Order, Seen};
use oneoff_domain::EventKind;

/// A job that was cancelled twice while it ran; `told` of the two have an event, and each answer has this status.
fn cancelled_twice(book: &mut Book, status: &str, told: usize) {
    book.create("twice", Order::default(), Book::seen("twice", 1));
    book.start("twice", "execution-twice", 0, 20);
    for version in [2, 3] {
        let Answer::Acknowledged(Some(seen)) = Book::seen("twice", version) else { unreachable!() };
        let answer = Answer::Acknowledged(Some(Seen { status: status.to_owned(), ..seen }));
        book.ask("twice", Deed::Cancel, answer);
    }
    for _ in 0..told {
        book.event("twice", EventKind::JobUpdated, None, 25);
    }
}

#[test]
fn a_cancel_is_told_of_by_itself_or_by_the_end_that_answers_it() {
    let counts = |status, told, end| {
        let mut book = good();
        cancelled_twice(&mut book, status, told);
        book.end("twice", end, 30);
        !judge(&book.0).iter().any(|violation| {
            violation.rule == Rule::AcknowledgedChange && format!("{violation:?}").contains("moved, started")
        })
    };
    for told in 0..=2 {
        assert!(counts("cancelled", told, EventKind::JobCancelled), "{told}");
    }
    assert!(!counts("cancelled", 0, EventKind::JobCompleted), "nothing tells of them");
    assert!(!counts("running", 1, EventKind::JobCancelled), "each was answered before the end");
}
