//! Databases that fail for a while, and a role that is lost for a while: what the receiver has taken is not sent again.

use crate::world::{on_both, settings};
use oneoff_webhooks::{Schedule, WebhookSettings};
use std::time::Duration;

/// Who fails is tried again all the time, and nobody who is slow is given up.
fn patient() -> WebhookSettings {
    let schedule = Schedule::new((1..100).map(Duration::from_secs));
    WebhookSettings { schedule, timeout: Duration::from_secs(300), ..settings() }
}

on_both!(
    in_breakable_file:
    what_is_taken_while_the_database_fails_is_not_sent_again(patient()),
    what_was_taken_before_the_role_was_lost_is_recorded_when_it_is_back(patient()),
    what_has_no_answer_when_the_role_is_lost_is_broken_off_and_made_again(patient()),
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_claimed_and_nobody_was_told_of_is_attempted_at_once() {
    exercise::stray_claims(crate::world::World::in_breakable_file(patient()).await).await;
}

mod exercise {
    use crate::trouble::Gated;
    use crate::world::{World, eventually};
    use oneoff_fakes::{FakeReceiver, Reply};
    use oneoff_storage::inline::{Failure, GroupFault};
    use oneoff_storage::{DeliveryStatus, Webhook};
    use oneoff_webhooks::DispatcherState;
    use std::time::Duration;

    const LOST: GroupFault = GroupFault::CommitLost(Failure::Io);

    /// A webhook that has taken one delivery, and is about to take the next.
    async fn with_one_under_way(world: &World) -> (Gated, Webhook) {
        let gated = Gated::open();
        let webhook = world.webhook(gated.receiver.url(), &["job.created"]).await;
        world.run_job().await;
        world.settled(&webhook, 1).await;
        gated.set_open(false);
        world.run_job().await;
        until(|| gated.arrived() == 2).await;
        (gated, webhook)
    }

    async fn until(is_so: impl Fn() -> bool) {
        eventually(async || is_so().then_some(())).await;
    }

    /// A webhook of which something is claimed again and again.
    struct NeverWell {
        receiver: FakeReceiver,
        webhook: Webhook,
    }

    impl NeverWell {
        async fn of(world: &World) -> Self {
            let receiver = FakeReceiver::start(|_| Reply::Status(500)).unwrap();
            let webhook = world.webhook(receiver.url(), &["job.created"]).await;
            world.run_job().await;
            let never_well = Self { receiver, webhook };
            // Where events are numbered afterwards, a webhook that comes next would be told of this one too.
            until(|| never_well.attempts() > 0).await;
            never_well
        }

        fn attempts(&self) -> usize {
            self.receiver.received().len()
        }

        /// Waits until an attempt was recorded: nothing is under way until the next, of whichever delivery.
        async fn rests(&self, world: &World) {
            let before = self.attempts();
            until(|| self.attempts() > before).await;
            eventually(async || {
                let all = world.deliveries(&self.webhook).await;
                all.iter().all(|delivery| delivery.next_attempt_at.is_some()).then_some(())
            })
            .await;
        }

        /// Breaks the database so that the next thing that fails is a claim of the dispatcher, and waits for that.
        async fn break_the_next_claim(&self, world: &World, fault: GroupFault) {
            for _ in 0..10 {
                self.rests(world).await;
                world.database.break_with(fault);
                let fails = until_state(world, DispatcherState::Fails);
                if tokio::time::timeout(Duration::from_secs(3), fails).await.is_ok() {
                    return;
                }
                // It took so long to break that the attempt had begun, and is what is not recorded.
                world.database.mend();
            }
            panic!("no claim came by");
        }
    }

    /// Waits until the answers to so many deliveries that were taken have arrived, recorded or not.
    async fn until_answered(world: &World, deliveries: u64) {
        until(|| world.webhooks.counts().delivered == deliveries).await;
    }

    async fn until_state(world: &World, state: DispatcherState) {
        until(|| world.webhooks.dispatcher() == state).await;
    }

    async fn was_sent_once(world: &World, gated: &Gated, webhook: &Webhook) {
        let all = world.settled(webhook, 2).await;
        let ends: Vec<_> = all.iter().map(|delivery| (delivery.status, delivery.attempts)).collect();
        assert_eq!(ends, [(DeliveryStatus::Success, 1); 2]);
        assert_eq!(gated.arrived(), 2);
    }

    pub(crate) async fn what_is_taken_while_the_database_fails_is_not_sent_again(world: World) {
        let never_well = NeverWell::of(&world).await;
        let (gated, webhook) = with_one_under_way(&world).await;
        never_well.break_the_next_claim(&world, LOST).await;
        gated.set_open(true);
        until_answered(&world, 2).await;
        // Longer than an attempt may take: whoever did not know that it is under way would give it up.
        world.clock.advance(Duration::from_secs(600));
        let before = never_well.attempts();
        world.database.mend();
        was_sent_once(&world, &gated, &webhook).await;
        until(|| never_well.attempts() > before).await;
        assert_eq!(gated.arrived(), 2);
    }

    pub(crate) async fn what_was_taken_before_the_role_was_lost_is_recorded_when_it_is_back(world: World) {
        let (gated, webhook) = with_one_under_way(&world).await;
        world.database.break_with(LOST);
        gated.set_open(true);
        until_answered(&world, 2).await;
        world.lead.set(false);
        until_state(&world, DispatcherState::Waits).await;
        world.database.mend();
        world.lead.set(true);
        was_sent_once(&world, &gated, &webhook).await;
    }

    pub(crate) async fn what_has_no_answer_when_the_role_is_lost_is_broken_off_and_made_again(world: World) {
        let (gated, webhook) = with_one_under_way(&world).await;
        world.lead.set(false);
        until_state(&world, DispatcherState::Waits).await;
        world.lead.set(true);
        until(|| gated.arrived() == 3).await;
        gated.set_open(true);
        let again = world.settled(&webhook, 2).await.remove(1);
        assert_eq!((again.status, again.attempts), (DeliveryStatus::Success, 2));
    }

    pub(crate) async fn stray_claims(world: World) {
        let never_well = NeverWell::of(&world).await;
        never_well.break_the_next_claim(&world, GroupFault::CommitDone).await;
        world.database.mend();
        let before = never_well.attempts();
        until(|| never_well.attempts() > before).await;
    }
}
