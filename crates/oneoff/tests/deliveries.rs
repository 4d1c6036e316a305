//! What is sent to webhooks is kept for its time, by the clock of the program.

#![expect(clippy::unwrap_used, reason = "shared functions of tests fail by panicking")]

use oneoff::{Handle, JobStatus, NewJob, OneOff, SystemRandom};
use oneoff_domain::{Actor, Context, WebhookId};
use oneoff_fakes::{FakeReceiver, ManualClock, Reply};
use oneoff_storage::webhooks::{DeliveryFilter, DeliveryRecord};
use oneoff_webhooks::{SecretDraft, WebhookDraft};
use std::sync::Arc;
use std::time::{Duration, Instant};

const WAIT: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn run_job(oneoff: &Handle) {
    let id = oneoff.schedule(NewJob::new("greet")).await.unwrap();
    assert_eq!(oneoff.wait(id, WAIT).await.unwrap().state.status, JobStatus::Completed);
}

/// Waits until the deliveries of a webhook are as they should be.
async fn until(oneoff: &Handle, webhook: WebhookId, is_so: impl Fn(&[DeliveryRecord]) -> bool) {
    let deadline = Instant::now() + WAIT;
    loop {
        let page = (200, None, false);
        let deliveries = oneoff.webhooks();
        let context = Context::new(Actor::Library);
        let all = deliveries.deliveries(&context, webhook, DeliveryFilter::default(), page).await.unwrap();
        if is_so(&all.items) {
            return;
        }
        assert!(Instant::now() < deadline, "{:?}", all.items);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_kept_for_a_month_after_their_end() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::at("2026-11-24T08:00:00Z".parse().unwrap());
    let oneoff = OneOff::builder()
        .sqlite(directory.path().join("jobs.db"))
        .executor_fn("greet", |_context| async { Ok("hello") })
        .clock(Arc::new(clock.clone()), Arc::new(SystemRandom))
        .start()
        .await
        .unwrap();
    let receiver = FakeReceiver::start(|_| Reply::Status(200)).unwrap();
    let draft = WebhookDraft {
        name: "hook".to_owned(),
        url: receiver.url().to_owned(),
        events: vec!["job.completed".to_owned()],
        secret: SecretDraft::None,
        ..WebhookDraft::default()
    };
    let made = oneoff.webhooks().create(Context::new(Actor::Library), draft).await.unwrap();
    let webhook = made.webhook.value.id;
    let are_over = |count: usize| {
        move |all: &[DeliveryRecord]| {
            all.len() == count && all.iter().all(|delivery| delivery.completed_at.is_some())
        }
    };
    run_job(&oneoff).await;
    until(&oneoff, webhook, are_over(1)).await;
    clock.advance(29 * DAY);
    run_job(&oneoff).await;
    until(&oneoff, webhook, are_over(2)).await;
    // The older one goes a month after its end, the other one stays.
    clock.advance(2 * DAY);
    until(&oneoff, webhook, are_over(1)).await;
    run_job(&oneoff).await;
    until(&oneoff, webhook, are_over(2)).await;
    assert_eq!(receiver.received().len(), 3);
    oneoff.shutdown().await;
}
