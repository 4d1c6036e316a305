//! Several cancels of one attempt.

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
    book.end("twice", EventKind::JobCancelled, 30);
}

#[test]
fn of_two_cancels_that_one_end_answers_one_is_told_of() {
    let counts = |status, told| {
        let mut book = good();
        cancelled_twice(&mut book, status, told);
        !judge(&book.0).iter().any(|violation| {
            violation.rule == Rule::AcknowledgedChange && format!("{violation:?}").contains("moved, started")
        })
    };
    assert!(counts("cancelled", 1) && counts("cancelled", 2));
    assert!(!counts("cancelled", 0), "the first of them was not told of");
    assert!(!counts("running", 1), "each was answered before the end");
}
