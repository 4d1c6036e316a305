//! Whether this node can do its work: each of the things that it needs for that, and what is wrong with it.

use crate::look::Look;
use crate::state::ApiState;
use oneoff_api_types::{ComponentView, HealthView};
use oneoff_scheduler::{Service, ServiceError, Vitals};
use oneoff_storage::StoreError;
use oneoff_webhooks::DispatcherState;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long the answer waits for the database.
const PATIENCE: Duration = Duration::from_millis(800);
/// A write is tried at most so often where it succeeded the last time: whoever asks needs no key.
const WRITE_APART: Duration = Duration::from_secs(5);
/// The same of a read, and of a write that failed.
const LOOK_APART: Duration = Duration::from_millis(500);

/// The thread of the scheduler looks every second. After that long it is not well.
const SILENT_MAX: Duration = Duration::from_secs(5);
/// After that long it does not come back by itself.
const DEAD_AFTER: Duration = Duration::from_secs(60);

/// With less room than this, what people ask for does not fit any more.
const ROOM_MIN_BYTES: u64 = 1024 * 1024;
/// With less room than this somebody should look.
const ROOM_SMALL_BYTES: u64 = 64 * 1024 * 1024;

/// What is kept of looks at the database.
#[derive(Default)]
pub(crate) struct DatabaseLooks {
    read: Look<Component>,
    write: Look<Component>,
}

/// How something is that this node needs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Component {
    Ok,
    /// It should be looked at, and the node does its work all the same.
    Degraded(String),
    /// The node cannot do its work.
    Failing(String),
}

impl Component {
    fn failing(message: impl Into<String>) -> Self {
        Self::Failing(message.into())
    }

    fn view(self) -> ComponentView {
        let (status, message) = match self {
            Self::Ok => ("ok", None),
            Self::Degraded(message) => ("degraded", Some(message)),
            Self::Failing(message) => ("failing", Some(message)),
        };
        ComponentView { status: status.to_owned(), message }
    }
}

type Components = BTreeMap<&'static str, Component>;

/// Whether requests should be sent here, and work is done.
pub(crate) async fn ready(state: &ApiState) -> HealthView {
    let (service, looks) = (&state.service, &state.database_looks);
    let vitals = service.vitals();
    let (read, write) = tokio::join!(looks.read(service), looks.write(service));
    let mut components = Components::from([
        ("server", server(state, &vitals)),
        ("database_read", read),
        ("database_write", write),
        ("scheduler", scheduler(&vitals, SILENT_MAX)),
        ("clock", clock(&vitals)),
    ]);
    if let Some(holds) = vitals.holds_lease {
        components.insert("lease", lease(holds));
    }
    if let Some(free_bytes) = service.disk_free_bytes() {
        components.insert("disk", disk(free_bytes));
    }
    if let Some(webhooks) = &state.settings.webhooks {
        components.insert("webhooks", dispatcher(webhooks.dispatcher()));
    }
    view(components)
}

/// Whether the process works at all: what only another start would mend.
pub(crate) fn alive(state: &ApiState) -> HealthView {
    let vitals = state.service.vitals();
    let scheduler = match vitals.is_stopping {
        true => Component::Ok,
        false => scheduler(&vitals, DEAD_AFTER),
    };
    view(Components::from([("scheduler", scheduler)]))
}

fn view(components: Components) -> HealthView {
    let is_any = |is: fn(&Component) -> bool| components.values().any(is);
    let status = match () {
        () if is_any(|component| matches!(component, Component::Failing(_))) => "failing",
        () if is_any(|component| matches!(component, Component::Degraded(_))) => "degraded",
        () => "ok",
    };
    let components = components.into_iter().map(|(name, component)| (name.to_owned(), component.view()));
    HealthView { status: status.to_owned(), components: components.collect() }
}

impl DatabaseLooks {
    async fn read(&self, service: &Service) -> Component {
        let service = service.clone();
        let look = || async move { Some(of_read(service.ping().await)) };
        let seen = self.read.ask(|known| known.age < LOOK_APART, PATIENCE, look).await;
        seen.unwrap_or_else(|| Component::failing("the database does not answer"))
    }

    async fn write(&self, service: &Service) -> Component {
        let service = service.clone();
        let look = || async move { Some(of_write(service.probe_write().await)) };
        let is_fresh = |known: &crate::look::Known<Component>| {
            known.age < if known.value == Component::Ok { WRITE_APART } else { LOOK_APART }
        };
        let seen = self.write.ask(is_fresh, PATIENCE, look).await;
        seen.unwrap_or_else(|| Component::failing("the database takes no writes in time"))
    }
}

fn of_read(answer: Result<(), ServiceError>) -> Component {
    let Err(error) = answer else { return Component::Ok };
    tracing::debug!(%error, "the database cannot be read, a health check says");
    Component::failing(match error {
        ServiceError::Store(StoreError::Corrupt(_)) => "the database is damaged",
        ServiceError::Store(StoreError::Replaced(_)) => "the database file is gone",
        _ => "the database does not answer",
    })
}

fn of_write(answer: Result<Vec<String>, ServiceError>) -> Component {
    match answer {
        Ok(denied) if denied.is_empty() => Component::Ok,
        Ok(denied) => Component::Failing(format!(
            "the user of the database may not read and write its tables {}",
            denied.join(", ")
        )),
        Err(error) => {
            tracing::debug!(%error, "the database takes no writes, a health check says");
            Component::failing(match error {
                ServiceError::Store(StoreError::Full(_)) => "the disk of the database is full",
                ServiceError::Store(StoreError::Corrupt(_)) => "the database is damaged",
                ServiceError::Store(StoreError::Replaced(_)) => "the database file is gone",
                ServiceError::Store(StoreError::Overloaded) => "more is asked for than can be written",
                ServiceError::Store(error) if error.is_read_only() => "the database is read-only",
                _ => "the database takes no writes",
            })
        }
    }
}

fn server(state: &ApiState, vitals: &Vitals) -> Component {
    match state.is_stopping() || vitals.is_stopping {
        true => Component::failing("the server is stopping"),
        false => Component::Ok,
    }
}

fn scheduler(vitals: &Vitals, silent_max: Duration) -> Component {
    if vitals.silent_for <= silent_max {
        return Component::Ok;
    }
    let seconds = vitals.silent_for.as_secs();
    Component::Failing(format!("the scheduler has not looked for due jobs for {seconds} s"))
}

fn lease(holds: bool) -> Component {
    match holds {
        true => Component::Ok,
        false => Component::failing("this node does not hold its lease: it starts nothing until it does"),
    }
}

/// A node that starts nothing for a minute still takes requests, and another start would make it wait no less.
fn clock(vitals: &Vitals) -> Component {
    let is_paused_by_it = !vitals.is_stopping && vitals.holds_lease != Some(false);
    match (&vitals.paused, vitals.clock_off_us) {
        (Some(paused), _) if is_paused_by_it => Component::Degraded(paused.clone()),
        (_, Some(off_us)) => {
            let (seconds, side) =
                (off_us.unsigned_abs() as f64 / 1e6, if off_us < 0 { "behind" } else { "ahead of" });
            Component::Degraded(format!(
                "this machine's clock is {seconds:.1} s {side} the database's, which is used"
            ))
        }
        _ => Component::Ok,
    }
}

fn disk(free_bytes: u64) -> Component {
    match free_bytes {
        0..ROOM_MIN_BYTES => Component::failing("the disk of the database is full"),
        ROOM_MIN_BYTES..ROOM_SMALL_BYTES => {
            Component::Degraded(format!("the disk of the database has {} MiB left", free_bytes >> 20))
        }
        _ => Component::Ok,
    }
}

/// Jobs run without webhooks, and deliveries wait.
fn dispatcher(state: DispatcherState) -> Component {
    match state {
        DispatcherState::Off | DispatcherState::Waits | DispatcherState::Sends => Component::Ok,
        DispatcherState::Fails => Component::Degraded("webhooks are not delivered at the moment".to_owned()),
        DispatcherState::Ended => Component::Degraded("webhooks are not delivered by this node".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Vitals {
        Vitals {
            is_stopping: false,
            silent_for: Duration::from_millis(900),
            paused: None,
            holds_lease: Some(true),
            clock_off_us: None,
        }
    }

    #[test]
    fn the_worst_component_is_the_status_of_all() {
        let status = |components: Vec<Component>| {
            let names = ["a", "b", "c"];
            view(names.into_iter().zip(components).collect()).status
        };
        let (degraded, failing) = (Component::Degraded("x".to_owned()), Component::failing("y"));
        assert_eq!(status(vec![Component::Ok, Component::Ok]), "ok");
        assert_eq!(status(vec![Component::Ok, degraded.clone()]), "degraded");
        assert_eq!(status(vec![degraded, failing, Component::Ok]), "failing");
    }

    #[test]
    fn a_scheduler_that_is_silent_is_not_ready_and_in_the_end_not_alive() {
        let silent = |seconds| Vitals { silent_for: Duration::from_secs(seconds), ..well() };
        assert_eq!(scheduler(&silent(5), SILENT_MAX), Component::Ok);
        assert!(matches!(scheduler(&silent(6), SILENT_MAX), Component::Failing(_)));
        assert_eq!(scheduler(&silent(60), DEAD_AFTER), Component::Ok);
        assert!(matches!(scheduler(&silent(61), DEAD_AFTER), Component::Failing(_)));
    }

    #[test]
    fn a_clock_that_jumped_or_is_wrong_takes_nobody_out_of_work() {
        assert_eq!(clock(&well()), Component::Ok);
        let paused = Vitals { paused: Some("it jumped".to_owned()), ..well() };
        assert_eq!(clock(&paused), Component::Degraded("it jumped".to_owned()));
        let without_lease = Vitals { holds_lease: Some(false), ..paused };
        assert_eq!(clock(&without_lease), Component::Ok, "the lease is what pauses it");
        for (off_us, wanted) in [(-39_999_977, "is 40.0 s behind the"), (2_500_000, "is 2.5 s ahead of the")]
        {
            let off = clock(&Vitals { clock_off_us: Some(off_us), ..well() });
            assert!(matches!(off, Component::Degraded(message) if message.contains(wanted)), "{off_us}");
        }
    }

    #[test]
    fn a_disk_is_looked_after_before_it_is_full() {
        assert_eq!(disk(ROOM_SMALL_BYTES), Component::Ok);
        assert!(matches!(disk(ROOM_SMALL_BYTES - 1), Component::Degraded(_)));
        assert!(matches!(disk(ROOM_MIN_BYTES - 1), Component::Failing(_)));
    }
}
