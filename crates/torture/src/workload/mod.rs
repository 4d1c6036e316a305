//! The workload: clients that create and change jobs side by side until the server dies under them.

mod bulk;
mod doors;
mod orders;
mod quota;

pub use doors::Doors;
pub use orders::Mix;
pub use quota::Quota;

use crate::ledger::{Answer, Deed, Ledger};
use crate::random::Choices;
use oneoff_api_types::{HoldJob, ReleaseJob, UpdateJob};
use oneoff_client::Client;
use oneoff_domain::Clock as _;
use oneoff_scheduler::SystemClock;
use serde_json::{Map, json};
use std::path::PathBuf;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Clients that work side by side, with one server and with several.
const CLIENTS: (u64, u64) = (5, 16);
/// The longest pause between two requests of a client.
const PAUSE_MAX_MS: u64 = 12;
/// The longest pause after an answer that is none, where there are other servers.
const PAUSE_IN_TROUBLE_MAX_MS: u64 = 1_000;
/// How long a client waits for any server.
const DOOR_WITHIN: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Only so many of the last jobs are changed: old ones are over.
const RECENT: usize = 60;

/// The workload of one life.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Of all that is random.
    pub seed: u64,
    /// Which life of its history.
    pub life: u64,
    /// Where jobs write their journal.
    pub directory: PathBuf,
    /// The operation that is asked for more often than others.
    pub focus: String,
    /// Which jobs.
    pub mix: Mix,
    /// Where everything is noted.
    pub ledger: Ledger,
    /// How many jobs are to be made. Without it the clients go on until the server dies.
    pub quota: Option<Quota>,
}

impl Workload {
    /// Starts the clients. They end when the server does, or all jobs are made.
    #[must_use]
    pub fn start(&self, doors: &Doors) -> JoinSet<()> {
        let mut clients = JoinSet::new();
        let (with_one, with_several) = CLIENTS;
        for number in 0..if self.quota.is_some() { with_several } else { with_one } {
            let choices = Choices::new(self.seed, self.life * 100 + number);
            let one = OneClient { workload: self.clone(), doors: doors.clone(), number, choices, made: 0 };
            clients.spawn(one.work());
        }
        clients
    }

    /// Sends every create again of which it is not known what became of it. It must not make a second job.
    pub async fn repeat_unknown(&self, doors: &Doors) {
        let choices = Choices::new(self.seed, self.life * 100 + 99);
        let unknown = self.ledger.read(|pages| {
            let creates = pages.requests.iter().filter(|request| request.deed == Deed::Create);
            let without_id = creates.filter(|request| !pages.ids.contains_key(&request.job));
            without_id.map(|request| request.job.clone()).collect::<Vec<_>>()
        });
        let mut one =
            OneClient { workload: self.clone(), doors: doors.clone(), number: 99, choices, made: 0 };
        for name in unknown {
            // Some stay unknown, so that what nobody asks for again is judged, too.
            if one.choices.percent(50) && one.ask_again(&name).await == Answer::Unknown {
                return;
            }
        }
    }
}

struct OneClient {
    workload: Workload,
    doors: Doors,
    number: u64,
    choices: Choices,
    made: u64,
}

impl OneClient {
    async fn work(mut self) {
        loop {
            let answer = self.one_request().await;
            let goes_on = match &self.workload.quota {
                None => answer != Answer::Unknown || self.answers().await,
                Some(quota) => quota.wait_for_room().await,
            };
            if !goes_on {
                return;
            }
            let is_well = matches!(answer, Answer::Acknowledged(_)) || self.workload.quota.is_none();
            let pause_max_ms = if is_well { PAUSE_MAX_MS } else { PAUSE_IN_TROUBLE_MAX_MS };
            tokio::time::sleep(Duration::from_millis(self.choices.below(pause_max_ms))).await;
        }
    }

    /// The server of the next request: any of those that there are. Where there is none, one is waited for.
    async fn client(&self) -> Client {
        let deadline = Instant::now() + DOOR_WITHIN;
        loop {
            let open = self.doors.any(&self.choices);
            if let Some(client) = open.or_else(|| (Instant::now() > deadline).then(|| self.doors.nobody())) {
                return client;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Whether what got no answer is asked of another server.
    fn asks_another(&self) -> bool {
        self.workload.quota.is_some() && self.choices.percent(60)
    }

    /// Whether the server is still there: a commit that was answered as unknown does not end it.
    async fn answers(&self) -> bool {
        self.client().await.system_status().await.is_ok()
    }

    async fn one_request(&mut self) -> Answer {
        let focused = self.choices.percent(35);
        let operation = match self.workload.focus.as_str() {
            focus @ ("bulk" | "release_held" | "update" | "cancel" | "execute" | "hold" | "release"
            | "delete" | "stop")
                if focused =>
            {
                focus.to_owned()
            }
            _ => self.any_operation().to_owned(),
        };
        let known = self.workload.ledger.read(|pages| {
            let recent = pages.requests.iter().rev().filter(|request| request.deed == Deed::Create);
            let names: Vec<String> = recent.take(RECENT).map(|request| request.job.clone()).collect();
            let name = self.choices.one_of(&names)?;
            Some((name.clone(), pages.ids.get(name)?.clone()))
        });
        match known {
            _ if operation == "bulk" => self.create_together().await,
            _ if operation == "release_held" => self.release_together().await,
            Some((name, id)) if operation != "create" => self.change(&operation, &name, &id).await,
            _ => self.create().await,
        }
    }

    fn any_operation(&self) -> &'static str {
        match self.choices.below(100) {
            0..56 => "create",
            56..62 => "bulk",
            62..72 => "cancel",
            72..80 => "update",
            80..86 => "execute",
            86..91 => "hold",
            91..96 => "release",
            96 => "release_held",
            _ => "delete",
        }
    }

    /// Enters a new job into the books; its name.
    fn new_order(&mut self) -> String {
        self.made += 1;
        let workload = &self.workload;
        let name = format!("{}-{}-{}", workload.life, self.number, self.made);
        let (order, due_in) = orders::order(&self.choices, workload.mix, &workload.directory);
        let at = SystemClock.now().saturating_add(due_in).to_string();
        workload.ledger.order(&name, order, at);
        name
    }

    async fn create(&mut self) -> Answer {
        let name = self.new_order();
        let mut answer = self.create_again(&name).await;
        while answer == Answer::Unknown && self.asks_another() {
            answer = self.create_again(&name).await;
        }
        if answer != Answer::Unknown && self.choices.percent(10) {
            return self.create_again(&name).await;
        }
        answer
    }

    /// Asks for a job again as it was asked for before: alone, or with others.
    async fn ask_again(&mut self, name: &str) -> Answer {
        let bulk = self.workload.ledger.read(|pages| {
            let key = pages.bulks.iter().find(|(_, bulk)| bulk.jobs.iter().any(|job| job == name))?.0;
            Some(key.clone())
        });
        match bulk {
            Some(key) => self.create_together_again(&key).await,
            None => self.create_again(name).await,
        }
    }

    /// Creates a job that is in the books, under its own idempotency key.
    async fn create_again(&mut self, name: &str) -> Answer {
        let ledger = self.workload.ledger.clone();
        let Some((order, due)) =
            ledger.read(|pages| Some((pages.orders.get(name)?.clone(), pages.due.get(name)?.clone())))
        else {
            return Answer::Unknown;
        };
        let job = orders::request(name, &order, due);
        let sent = ledger.sent(name, Deed::Create);
        let result = self.client().await.create_job_with_key(&job, name).await;
        self.note(sent, result.map(Some))
    }

    async fn change(&mut self, operation: &str, name: &str, id: &str) -> Answer {
        let (ledger, client) = (self.workload.ledger.clone(), self.client().await);
        let job = match operation {
            "update" => {
                let at = SystemClock.now().saturating_add(Duration::from_millis(self.choices.below(1_500)));
                let mut patch = Map::new();
                patch.insert("scheduled_at".to_owned(), json!(at.to_string()));
                patch.insert("allow_past".to_owned(), json!(true));
                let sent = ledger.sent(name, Deed::Reschedule(at));
                let result = client.update_job(id, &UpdateJob(patch), None).await;
                return self.note(sent, result.map(Some));
            }
            "execute" => (ledger.sent(name, Deed::Execute), client.execute_job(id).await.map(Some)),
            "hold" => {
                (ledger.sent(name, Deed::Hold), client.hold_job(id, &HoldJob::default()).await.map(Some))
            }
            "release" => {
                let sent = ledger.sent(name, Deed::Release);
                (sent, client.release_job(id, &ReleaseJob::default()).await.map(Some))
            }
            "delete" => (ledger.sent(name, Deed::Delete), client.delete_job(id, None).await.map(|()| None)),
            _ => (ledger.sent(name, Deed::Cancel), client.cancel_job(id).await.map(Some)),
        };
        self.note(job.0, job.1)
    }

    fn note(
        &self,
        sent: usize,
        result: Result<Option<oneoff_api_types::JobView>, oneoff_client::ClientError>,
    ) -> Answer {
        let answer = Answer::from(result);
        self.workload.ledger.answered(sent, answer.clone());
        answer
    }
}
