//! Each rule of the oracle, shown to fail on a history that breaks it, and a good history, which passes.

use super::{Rule, judge};
use crate::evidence::{AttemptRecord, EventRecord, Evidence, JobRecord, JournalLine, Uptime};
use crate::ledger::{Answer, Bulk, Deed, Order, Request, Seen};
use oneoff_domain::{EventKind, ExecutionStatus, JobStatus, Timestamp};

pub(super) fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_micros_clamped(1_000_000_000_000 + milliseconds * 1_000)
}

/// A history that is written down step by step, as the server would have made it.
#[derive(Default)]
pub(super) struct Book(pub(super) Evidence);

impl Book {
    pub(super) fn ask(&mut self, job: &str, deed: Deed, answer: Answer) {
        let request = Request { job: job.to_owned(), deed, sent_at: at(0), answered_at: at(1), answer };
        self.0.asked.requests.push(request);
    }

    pub(super) fn seen(job: &str, version: i64) -> Answer {
        let status = "scheduled".to_owned();
        Answer::Acknowledged(Some(Seen { id: id(job), status, version, scheduled_at: Some(at(10)) }))
    }

    pub(super) fn create(&mut self, name: &str, order: Order, answer: Answer) {
        let job = JobRecord {
            id: id(name),
            name: name.to_owned(),
            status: JobStatus::Scheduled,
            version: 9,
            scheduled_at: Some(at(10)),
            script: order.script.clone(),
            fails_on_crash: order.fails_on_crash,
            concurrency_key: order.concurrency_key.clone(),
            max_retries: order.max_retries,
            priority: order.priority.max(1),
            skipped_after_seconds: order.skipped_after_seconds,
        };
        if answer != Answer::Unknown {
            self.0.asked.ids.insert(name.to_owned(), id(name));
        }
        self.0.asked.orders.insert(name.to_owned(), order);
        self.ask(name, Deed::Create, answer);
        self.0.jobs.push(job);
        self.event(name, EventKind::JobCreated, None, 1);
    }

    pub(super) fn event(&mut self, job: &str, kind: EventKind, execution: Option<&str>, milliseconds: i64) {
        let sequence = self.0.events.len() as i64 + 1;
        let execution = execution.map(str::to_owned);
        let due_at = (kind == EventKind::JobMissed).then(|| at(10));
        let record = EventRecord {
            sequence,
            kind,
            job: id(job),
            execution,
            at: at(milliseconds),
            reason: None,
            due_at,
        };
        self.0.events.push(record);
    }

    fn say(&mut self, word: &str, job: &str, execution: &str) {
        let (word, execution) = (word.to_owned(), execution.to_owned());
        self.0.journal.push(JournalLine { word, job: id(job), execution });
    }

    pub(super) fn start(&mut self, job: &str, execution: &str, attempt: u32, milliseconds: i64) {
        self.event(job, EventKind::JobStarted, Some(execution), milliseconds);
        self.say("start", job, execution);
        self.0.attempts.push(AttemptRecord {
            id: execution.to_owned(),
            job: id(job),
            run: 1,
            attempt,
            status: ExecutionStatus::Running,
            lost: false,
            scheduled_for: at(milliseconds - 1),
            started_at: at(milliseconds),
            completed_at: None,
            output: String::new(),
        });
    }

    pub(super) fn end(&mut self, job: &str, kind: EventKind, milliseconds: i64) {
        let attempt = self.0.attempts.iter_mut().rfind(|attempt| attempt.job == id(job)).unwrap();
        attempt.completed_at = Some(at(milliseconds));
        attempt.status = match kind {
            EventKind::JobCompleted => ExecutionStatus::Completed,
            _ => ExecutionStatus::Failed,
        };
        let execution = attempt.id.clone();
        if kind == EventKind::JobCompleted {
            self.say("end", job, &execution);
        }
        self.event(job, kind, Some(&execution), milliseconds);
    }

    fn lose(&mut self, job: &str, kind: EventKind, milliseconds: i64) {
        self.end(job, kind, milliseconds);
        self.0.attempts.iter_mut().rfind(|attempt| attempt.job == id(job)).unwrap().lost = true;
    }

    fn becomes(&mut self, name: &str, status: JobStatus) {
        self.job(name).status = status;
    }

    fn job(&mut self, name: &str) -> &mut JobRecord {
        self.0.jobs.iter_mut().find(|job| job.name == name).unwrap()
    }

    fn remove(&mut self, name: &str) {
        self.0.jobs.retain(|job| job.name != name);
        self.0.attempts.retain(|attempt| attempt.job != id(name));
    }

    fn count(&mut self) {
        self.0.counters.clear();
        for job in &self.0.jobs {
            *self.0.counters.entry(job.status).or_default() += 1;
        }
    }
}

fn id(name: &str) -> String {
    format!("id-of-{name}")
}

/// A bit of everything that may happen.
pub(super) fn good() -> Book {
    let mut book = Book::default();
    book.0.uptimes = vec![Uptime { from: at(0), to: at(200) }, Uptime { from: at(300), to: at(60_000) }];
    book.0.slots = 2;
    for name in ["plain", "kept"] {
        book.create(name, Order::default(), Book::seen(name, 1));
        let execution = format!("execution-{name}");
        book.start(name, &execution, 0, 20);
        book.end(name, EventKind::JobCompleted, 30);
        book.becomes(name, JobStatus::Completed);
    }
    let once = Order { fails_on_crash: true, ..Order::default() };
    book.create("once", once, Book::seen("once", 1));
    book.start("once", "execution-once", 0, 20);
    book.lose("once", EventKind::JobFailed, 300);
    book.becomes("once", JobStatus::Failed);

    book.create("again", Order::default(), Answer::Unknown);
    book.start("again", "execution-again-0", 0, 20);
    book.lose("again", EventKind::JobRetrying, 300);
    book.start("again", "execution-again-1", 1, 310);
    book.end("again", EventKind::JobCompleted, 320);
    book.becomes("again", JobStatus::Completed);

    book.ask("never-made", Deed::Create, Answer::Unknown);
    book.0.asked.orders.insert("never-made".to_owned(), Order::default());

    book.create("cancelled", Order { held: true, ..Order::default() }, Book::seen("cancelled", 1));
    book.ask("cancelled", Deed::Release, Book::seen("cancelled", 2));
    book.event("cancelled", EventKind::JobReleased, None, 5);
    book.ask("cancelled", Deed::Cancel, Book::seen("cancelled", 3));
    book.event("cancelled", EventKind::JobCancelled, None, 6);
    book.becomes("cancelled", JobStatus::Cancelled);

    let skipped = Order { skipped_after_seconds: Some(1), ..Order::default() };
    book.create("missed", skipped, Book::seen("missed", 1));
    book.event("missed", EventKind::JobMissed, None, 1_100);
    book.becomes("missed", JobStatus::Missed);

    book.create("deleted", Order::default(), Book::seen("deleted", 1));
    book.start("deleted", "execution-deleted", 0, 20);
    book.end("deleted", EventKind::JobCompleted, 30);
    book.ask("deleted", Deed::Delete, Answer::Acknowledged(None));
    book.event("deleted", EventKind::JobDeleted, None, 40);
    book.remove("deleted");
    book.count();
    book
}

#[track_caller]
fn breaks(rule: Rule, change: impl FnOnce(&mut Book)) {
    let mut book = good();
    change(&mut book);
    let found = judge(&book.0);
    assert!(found.iter().any(|violation| violation.rule == rule), "not {rule:?}: {found:#?}");
}

#[test]
fn a_history_in_which_everything_was_kept_passes() {
    assert_eq!(judge(&good().0), []);
}

#[test]
fn an_acknowledged_job_that_is_not_there() {
    breaks(Rule::AcknowledgedCreate, |book| book.remove("plain"));
}

#[test]
fn an_acknowledged_job_that_is_another_one() {
    breaks(Rule::AcknowledgedCreate, |book| book.job("plain").id = "another".to_owned());
    breaks(Rule::AcknowledgedCreate, |book| book.job("plain").script = "another".to_owned());
    breaks(Rule::AcknowledgedCreate, |book| book.job("plain").fails_on_crash = true);
    breaks(Rule::AcknowledgedCreate, |book| book.job("plain").concurrency_key = Some("x".to_owned()));
    breaks(Rule::AcknowledgedCreate, |book| book.job("plain").max_retries = 1);
    breaks(Rule::AcknowledgedCreate, |book| {
        book.0.asked.orders.get_mut("plain").unwrap().priority = 7;
    });
}

#[test]
fn half_a_job_and_a_job_that_nobody_asked_for() {
    breaks(Rule::AllOrNothing, |book| book.job("again").script = "half".to_owned());
    breaks(Rule::AllOrNothing, |book| book.job("again").name = "nobody".to_owned());
    breaks(Rule::AllOrNothing, |book| {
        for request in book.0.asked.requests.iter_mut().filter(|request| request.job == "again") {
            request.answer = Answer::Refused("503 too many writes are waiting".to_owned());
        }
    });
}

#[test]
fn half_of_what_was_asked_for_together() {
    let together = |atomic| Bulk { jobs: vec!["again".to_owned(), "never-made".to_owned()], atomic };
    breaks(Rule::AllOrNothing, |book| {
        book.0.asked.bulks.insert("key".to_owned(), together(true));
    });
    let mut book = good();
    book.0.asked.bulks.insert("key".to_owned(), together(false));
    assert_eq!(judge(&book.0), []);
}

#[test]
fn a_repeated_create_that_makes_a_second_job_or_is_refused() {
    breaks(Rule::RepeatedCreate, |book| {
        let Answer::Acknowledged(Some(seen)) = Book::seen("plain", 1) else { unreachable!() };
        let other = Seen { id: "other".to_owned(), ..seen };
        book.ask("plain", Deed::Create, Answer::Acknowledged(Some(other)));
    });
    breaks(Rule::RepeatedCreate, |book| {
        book.ask("plain", Deed::Create, Answer::Refused("409 taken".to_owned()));
    });
    breaks(Rule::RepeatedCreate, |book| {
        let mut second = book.job("plain").clone();
        second.id = "second".to_owned();
        book.0.jobs.push(second);
    });
}

#[test]
fn a_change_that_was_acknowledged_and_did_not_happen() {
    breaks(Rule::AcknowledgedChange, |book| book.ask("plain", Deed::Cancel, Book::seen("plain", 2)));
    breaks(Rule::AcknowledgedChange, |book| book.ask("plain", Deed::Hold, Book::seen("plain", 2)));
    breaks(Rule::AcknowledgedChange, |book| book.ask("kept", Deed::Delete, Answer::Acknowledged(None)));
    breaks(Rule::AcknowledgedChange, |book| book.job("cancelled").version = 2);
    breaks(Rule::AcknowledgedChange, |book| {
        book.ask("cancelled", Deed::Reschedule(at(77)), Book::seen("cancelled", 4));
        book.event("cancelled", EventKind::JobUpdated, None, 7);
        book.job("cancelled").scheduled_at = Some(at(11));
    });
}

#[test]
fn a_change_that_was_refused_and_happened() {
    breaks(Rule::AcknowledgedChange, |book| {
        let cancel = book.0.asked.requests.iter_mut().find(|request| request.deed == Deed::Cancel).unwrap();
        cancel.answer = Answer::Refused("409 it is over".to_owned());
    });
}

#[test]
fn a_due_job_that_did_not_run() {
    for status in [JobStatus::Scheduled, JobStatus::Running, JobStatus::Held] {
        breaks(Rule::RanWhenDue, |book| book.becomes("plain", status));
    }
    breaks(Rule::RanWhenDue, |book| book.becomes("plain", JobStatus::Cancelled));
    breaks(Rule::RanWhenDue, |book| book.becomes("plain", JobStatus::Missed));
    breaks(Rule::RanWhenDue, |book| book.becomes("plain", JobStatus::Failed));
    breaks(Rule::RanWhenDue, |book| book.becomes("once", JobStatus::Completed));
    breaks(Rule::RanWhenDue, |book| book.0.journal.retain(|line| line.word != "end"));
    breaks(Rule::RanWhenDue, |book| {
        let missed = book.0.events.iter_mut().find(|event| event.kind == EventKind::JobMissed).unwrap();
        missed.at = at(20);
    });
}

#[test]
fn a_job_that_ran_at_another_time() {
    breaks(Rule::RanWhenDue, |book| book.0.attempts[0].scheduled_for = at(21));
    breaks(Rule::RanWhenDue, |book| {
        let attempt = &mut book.0.attempts[0];
        (attempt.started_at, attempt.completed_at) = (at(15_000), Some(at(15_010)));
    });
    breaks(Rule::RanWhenDue, |book| {
        book.job("plain").skipped_after_seconds = Some(0);
    });
}

#[test]
fn attempts_that_overlap() {
    breaks(Rule::NoOverlap, |book| {
        let lost = book.0.attempts.iter_mut().find(|attempt| attempt.id == "execution-again-0").unwrap();
        lost.completed_at = Some(at(311));
    });
    breaks(Rule::NoOverlap, |book| {
        for name in ["plain", "kept"] {
            book.job(name).concurrency_key = Some("shared".to_owned());
        }
    });
}

#[test]
fn processes_that_overlap() {
    breaks(Rule::NoOverlap, |book| book.say("overlap", "plain", "execution-plain"));
    breaks(Rule::NoOverlap, |book| book.say("tick", "again", "execution-again-0"));
    breaks(Rule::NoOverlap, |book| book.say("start", "again", "execution-again-0"));
    breaks(Rule::NothingLeftOver, |book| book.0.left_over.push("process 7".to_owned()));
}

#[test]
fn two_outcomes_of_an_attempt() {
    breaks(Rule::OneOutcome, |book| {
        book.event("plain", EventKind::JobCompleted, Some("execution-plain"), 31);
    });
    breaks(Rule::OneOutcome, |book| book.0.attempts[0].status = ExecutionStatus::Failed);
    breaks(Rule::OneOutcome, |book| book.say("start", "plain", "execution-plain"));
}

#[test]
fn a_process_without_an_execution_and_an_execution_without_a_beginning() {
    breaks(Rule::OneOutcome, |book| book.say("start", "plain", "execution-of-nobody"));
    breaks(Rule::OneOutcome, |book| {
        book.event("plain", EventKind::JobStarted, Some("execution-of-nobody"), 31);
    });
    breaks(Rule::OneOutcome, |book| book.0.attempts[0].id = "execution-untold".to_owned());
}

#[test]
fn a_job_that_may_run_once_and_was_started_after_a_crash() {
    breaks(Rule::AtMostOnce, |book| book.job("again").fails_on_crash = true);
    breaks(Rule::AtMostOnce, |book| book.say("start", "once", "execution-once-again"));
}

#[test]
fn events_with_a_gap_or_in_an_order_that_cannot_be() {
    breaks(Rule::EventsComplete, |book| book.0.events[3].sequence = 40);
    breaks(Rule::EventsComplete, |book| {
        book.0.events.remove(1);
    });
    breaks(Rule::EventsComplete, |book| book.event("plain", EventKind::JobCreated, None, 50));
    breaks(Rule::EventsComplete, |book| book.event("deleted", EventKind::JobUpdated, None, 50));
    breaks(Rule::EventsComplete, |book| book.event("plain", EventKind::JobRetrying, Some("x"), 50));
    breaks(Rule::EventsComplete, |book| book.becomes("missed", JobStatus::Cancelled));
    breaks(Rule::EventsComplete, |book| book.0.events.retain(|event| event.job != id("plain")));
}

#[test]
fn counters_that_do_not_count() {
    breaks(Rule::EventsComplete, |book| {
        book.0.counters.insert(JobStatus::Completed, 7);
    });
    breaks(Rule::EventsComplete, |book| {
        book.0.counters.remove(&JobStatus::Missed);
    });
}

#[test]
fn output_that_is_lost_or_torn() {
    let writes = "echo first of it; echo second";
    let with_output = |book: &mut Book, output: &str| {
        book.job("plain").script = writes.to_owned();
        book.0.asked.orders.get_mut("plain").unwrap().script = writes.to_owned();
        book.0.attempts[0].output = output.to_owned();
    };
    let mut book = good();
    with_output(&mut book, "first of execution-plain\nsecond\n");
    assert_eq!(judge(&book.0), []);
    for output in ["", "first of execution-plain\n", "second\n", "first of execution-plain\nsecond\nsecond\n"]
    {
        breaks(Rule::OutputKept, |book| with_output(book, output));
    }
}

#[test]
fn a_server_that_dies_of_itself() {
    breaks(Rule::ServerIsWell, |book| book.0.incidents.push("it ended with exit status 1".to_owned()));
}
