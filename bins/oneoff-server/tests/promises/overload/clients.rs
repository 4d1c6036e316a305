//! Everything that clients can do to a server: many creates, large ones, reads that nobody takes in, polls, requests
//! that never come to their end.

use super::wire::{Answer, Wire, head};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Connections that create one job after the other: so many that the last in line waits for longer than a server
/// lets wait.
const SINGLE: usize = 2_500;
/// Connections that create a thousand jobs at a time.
const BULK: usize = 40;
const BULK_JOBS: usize = 1_000;
/// Connections that wait for the end of a job.
const POLLS: usize = 32;
/// Connections that ask for pages and read none of them.
const SLOW_READERS: usize = 32;
/// Connections that send a request byte by byte.
const DRIPPING: usize = 64;
/// Streams of events that nobody reads.
const STREAMS: usize = 4;
/// How long a client rests that was turned away, or has lost its connection.
const REST: Duration = Duration::from_secs(1);

/// What clients were answered.
#[derive(Debug, Default, Clone)]
pub(super) struct Tally {
    pub(super) accepted: u64,
    pub(super) refused: u64,
    pub(super) refused_without_retry_after: u64,
    pub(super) broken_connections: u64,
    pub(super) polled: u64,
    pub(super) dripped: u64,
    pub(super) other_answers: Vec<String>,
}

#[derive(Clone)]
struct Client {
    address: SocketAddr,
    tally: Arc<Mutex<Tally>>,
    over: watch::Receiver<bool>,
}

/// What a client does.
enum Deed {
    Create { path: &'static str, body: String, jobs: u64 },
    Poll,
    AskAndNotRead(&'static str),
    Drip,
}

/// All clients together.
pub(super) struct Flood {
    clients: JoinSet<()>,
    tally: Arc<Mutex<Tally>>,
    over: watch::Sender<bool>,
}

impl Flood {
    pub(super) fn begin(address: SocketAddr) -> Self {
        let tally = Arc::new(Mutex::new(Tally::default()));
        let over = watch::Sender::new(false);
        let client = Client { address, tally: Arc::clone(&tally), over: over.subscribe() };
        let mut clients = JoinSet::new();
        let mut begin = |count: usize, deed: &dyn Fn(usize) -> Deed| {
            for index in 0..count {
                clients.spawn(client.clone().keep_doing(deed(index)));
            }
        };
        begin(SINGLE, &|index| Deed::Create { path: "/api/jobs", body: single(index), jobs: 1 });
        begin(BULK, &|_| Deed::Create { path: "/api/jobs/bulk", body: bulk(), jobs: BULK_JOBS as u64 });
        begin(POLLS, &|_| Deed::Poll);
        begin(SLOW_READERS, &|_| Deed::AskAndNotRead("/api/jobs?limit=200"));
        begin(STREAMS, &|_| Deed::AskAndNotRead("/api/events?after=0"));
        begin(DRIPPING, &|_| Deed::Drip);
        Self { clients, tally, over }
    }

    /// Ends all clients at once, whatever they wait for.
    pub(super) async fn end(mut self) -> Tally {
        self.over.send_replace(true);
        while let Some(client) = self.clients.join_next().await {
            client.unwrap();
        }
        self.tally.lock().unwrap().clone()
    }
}

fn single(index: usize) -> String {
    format!(r#"{{"type":"shell","config":{{"script":"true"}},"scheduled_at":"in {}h"}}"#, 24 + index % 5_000)
}

fn bulk() -> String {
    let jobs: Vec<String> = (0..BULK_JOBS).map(single).collect();
    format!(r#"{{"jobs":[{}]}}"#, jobs.join(","))
}

impl Client {
    fn note(&self, note: impl FnOnce(&mut Tally)) {
        note(&mut self.tally.lock().unwrap());
    }

    fn note_answer(&self, answer: &Answer, jobs: u64) {
        self.note(|tally| match answer.status {
            201 => tally.accepted += jobs,
            503 => {
                tally.refused += 1;
                tally.refused_without_retry_after += u64::from(!answer.has_retry_after);
            }
            _ if tally.other_answers.len() < 10 => {
                tally.other_answers.push(format!("{} {}", answer.status, answer.body));
            }
            _ => {}
        });
    }

    /// Does it again and again until the flood is over.
    async fn keep_doing(self, deed: Deed) {
        let mut over = self.over.clone();
        tokio::select! {
            _ = over.wait_for(|over| *over) => {}
            () = self.do_for_ever(deed) => {}
        }
    }

    async fn do_for_ever(&self, deed: Deed) {
        loop {
            let done = match &deed {
                Deed::Create { path, body, jobs } => self.create(path, body, *jobs).await,
                Deed::Poll => self.poll().await,
                Deed::AskAndNotRead(path) => self.ask_and_not_read(path).await,
                Deed::Drip => self.drip().await,
            };
            self.note(|tally| tally.broken_connections += u64::from(done.is_err()));
            tokio::time::sleep(REST).await;
        }
    }

    async fn create(&self, path: &str, body: &str, jobs: u64) -> std::io::Result<()> {
        let mut wire = Wire::open(self.address).await?;
        loop {
            let answer = wire.request("POST", path, body).await?;
            self.note_answer(&answer, jobs);
            if answer.status != 201 {
                tokio::time::sleep(REST).await;
            }
        }
    }

    async fn poll(&self) -> std::io::Result<()> {
        let mut wire = Wire::open(self.address).await?;
        let created = wire.request("POST", "/api/jobs", &single(0)).await?;
        self.note_answer(&created, 1);
        let Some((_, rest)) = created.body.split_once(r#""id":""#) else { return Ok(()) };
        let path = format!("/api/jobs/{}?wait=5s", &rest[..36]);
        loop {
            let answer = wire.request("GET", &path, "").await?;
            self.note(|tally| tally.polled += u64::from(answer.status == 200));
        }
    }

    async fn ask_and_not_read(&self, path: &str) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(self.address).await?;
        let request = head("GET", path, self.address, 0);
        loop {
            stream.write_all(request.as_bytes()).await?;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn drip(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(self.address).await?;
        let request = head("POST", "/api/jobs", self.address, 1_000) + &single(0);
        for byte in request.as_bytes() {
            stream.write_all(std::slice::from_ref(byte)).await?;
            self.note(|tally| tally.dripped += 1);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}
