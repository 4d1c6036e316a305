//! A database that fails when it is told to, a role that is lost and had again, a receiver that answers when it may, and
//! randomness that panics.

use oneoff_domain::Random;
use oneoff_fakes::{FakeReceiver, Reply, SeededRandom};
use oneoff_pg_fixture::{Database, HeldTransaction};
use oneoff_storage::inline::{Faults, GroupFault};
use oneoff_webhooks::Lead;
use oneoff_webhooks::lead::LeadFuture;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// While it is broken, no write to a file succeeds, and on a server none to deliveries; nor does a connection live on.
#[derive(Default)]
pub(crate) struct Breakable {
    fault: Mutex<Option<GroupFault>>,
    server: Option<Arc<Database>>,
    locked: Mutex<Option<HeldTransaction>>,
}

impl Breakable {
    pub(crate) fn on_server(server: Arc<Database>) -> Self {
        Self { server: Some(server), ..Self::default() }
    }

    pub(crate) fn break_with(&self, fault: GroupFault) {
        *self.fault.lock().unwrap() = Some(fault);
        if let Some(server) = &self.server {
            let locked = server.hold("LOCK TABLE webhook_deliveries IN EXCLUSIVE MODE").unwrap();
            *self.locked.lock().unwrap() = Some(locked);
            server
                .query(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE datname = current_database() AND application_name = 'oneoff'",
                )
                .unwrap();
        }
    }

    pub(crate) fn mend(&self) {
        *self.fault.lock().unwrap() = None;
        *self.locked.lock().unwrap() = None;
    }
}

impl Faults for Breakable {
    fn group(&self) -> Option<GroupFault> {
        *self.fault.lock().unwrap()
    }
}

/// A role that is had until it is taken away.
pub(crate) struct Switched(watch::Sender<bool>);

impl Default for Switched {
    fn default() -> Self {
        Self(watch::Sender::new(true))
    }
}

impl Switched {
    pub(crate) fn set(&self, is_held: bool) {
        self.0.send_replace(is_held);
    }

    async fn until(&self, is_held: bool) {
        drop(self.0.subscribe().wait_for(|held| *held == is_held).await);
    }
}

impl Lead for Switched {
    fn held(&self) -> LeadFuture<'_> {
        Box::pin(self.until(true))
    }

    fn lost(&self) -> LeadFuture<'_> {
        Box::pin(self.until(false))
    }
}

/// A receiver that takes everything, and says so while its gate is open.
pub(crate) struct Gated {
    pub(crate) receiver: FakeReceiver,
    is_open: Arc<AtomicBool>,
    arrived: Arc<AtomicUsize>,
}

impl Gated {
    pub(crate) fn open() -> Self {
        let (is_open, arrived) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let (gate, count) = (Arc::clone(&is_open), Arc::clone(&arrived));
        let receiver = FakeReceiver::start(move |_request| {
            count.fetch_add(1, Ordering::SeqCst);
            while !gate.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(2));
            }
            Reply::Status(200)
        });
        Self { receiver: receiver.unwrap(), is_open, arrived }
    }

    pub(crate) fn set_open(&self, is_open: bool) {
        self.is_open.store(is_open, Ordering::SeqCst);
    }

    /// How many requests have arrived, answered or not.
    pub(crate) fn arrived(&self) -> usize {
        self.arrived.load(Ordering::SeqCst)
    }
}

/// Randomness that repeats, and panics when it is told to.
pub(crate) struct FlawedRandom {
    seeded: SeededRandom,
    panics: AtomicBool,
}

impl FlawedRandom {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seeded: SeededRandom::new(seed), panics: AtomicBool::new(false) }
    }

    /// Panics when the time of a next attempt is drawn, once. What is drawn for names is there.
    pub(crate) fn panic_once(&self) {
        self.panics.store(true, Ordering::SeqCst);
    }

    /// Whether that is still to come.
    pub(crate) fn is_to_panic(&self) -> bool {
        self.panics.load(Ordering::SeqCst)
    }
}

impl Random for FlawedRandom {
    fn fill(&self, buffer: &mut [u8]) {
        self.seeded.fill(buffer);
    }

    fn next_u64(&self) -> u64 {
        assert!(!self.panics.swap(false, Ordering::SeqCst), "told to panic");
        self.seeded.next_u64()
    }
}
