//! What a node hears of others by the server, and how it goes on when the server was away.

use crate::fixture::{ServerStore, noon, options};
use oneoff_pg_fixture::{Cluster, Database, Settings, Shutdown};
use oneoff_storage::{DatabaseUrl, Heard, Store, StoreOptions};
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing_subscriber::fmt::MakeWriter;

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// That of the whole test process, from now on.
    fn of_process() -> &'static Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        LOG.get_or_init(|| {
            let log = Self::default();
            let subscriber = tracing_subscriber::fmt()
                .with_max_level(tracing::Level::INFO)
                .with_ansi(false)
                .with_writer(log.clone())
                .finish();
            tracing::subscriber::set_global_default(subscriber).unwrap();
            log
        })
    }

    fn lines(&self, database: &Database) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let name = format!("/{}", database.name());
        let about = |line: &&str| line.contains("other nodes are") && line.contains(&name);
        text.lines().filter(about).map(str::to_owned).collect()
    }

    async fn lines_once(&self, database: &Database, count: usize) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        while self.lines(database).len() < count && Instant::now() < deadline {
            sleep(Duration::from_millis(10)).await;
        }
        self.lines(database)
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

async fn next(heard: &mut Receiver<Heard>) -> Heard {
    timeout(PATIENCE, heard.recv()).await.unwrap().unwrap()
}

fn open(url: &str) -> Store {
    let server = Some(DatabaseUrl::new(url).unwrap());
    Store::open(StoreOptions { server, ..StoreOptions::new("") }, noon()).unwrap()
}

fn hear(store: &Store) -> (JoinHandle<()>, Receiver<Heard>) {
    let (sender, heard) = channel(16);
    (store.hear_nodes(sender).unwrap(), heard)
}

fn key_free(key: &str) -> Heard {
    Heard::KeyFree(key.to_owned())
}

#[tokio::test]
async fn each_channel_is_heard_until_nobody_wants_to() {
    let server = ServerStore::new();
    let (task, mut heard) = hear(&server.store);
    assert_eq!(next(&mut heard).await, Heard::Connected);
    let said =
        "NOTIFY oneoff_written; NOTIFY something_else; NOTIFY oneoff_events, '17'; NOTIFY oneoff_events, 'x';
        NOTIFY oneoff_keys, 'a key: ö'; NOTIFY oneoff_keys";
    server.database.query(said).unwrap();
    let expected = [Heard::Written, Heard::Numbered, Heard::Numbered, key_free("a key: ö"), key_free("")];
    for expected in expected {
        assert_eq!(next(&mut heard).await, expected);
    }
    drop(heard);
    timeout(PATIENCE, task).await.unwrap().unwrap();
}

#[tokio::test]
async fn another_database_is_not_heard() {
    let (one, other) = (ServerStore::new(), ServerStore::new());
    let (_task, mut heard) = hear(&one.store);
    assert_eq!(next(&mut heard).await, Heard::Connected);
    other.database.query("NOTIFY oneoff_keys, 'theirs'").unwrap();
    one.database.query("NOTIFY oneoff_keys, 'ours'").unwrap();
    assert_eq!(next(&mut heard).await, key_free("ours"));
}

#[tokio::test]
async fn a_slow_hearer_is_told_to_look_at_everything() {
    let server = ServerStore::new();
    let (sender, mut heard) = channel(1);
    let _task = server.store.hear_nodes(sender).unwrap();
    assert_eq!(next(&mut heard).await, Heard::Connected);
    server
        .database
        .query("SELECT pg_notify('oneoff_keys', key::text) FROM generate_series(1, 5000) AS key")
        .unwrap();
    assert_eq!(next(&mut heard).await, key_free("1"));
    let mut others = 0;
    while next(&mut heard).await != Heard::Connected {
        others += 1;
    }
    assert!(others < 4999, "{others}");
}

#[tokio::test]
async fn a_store_that_is_not_shared_has_nobody_to_hear() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(options(&directory), noon()).unwrap();
    assert!(store.hear_nodes(channel(1).0).is_none());
    store.close();
}

#[tokio::test]
async fn after_the_server_was_away_it_is_heard_again() {
    let log = Log::of_process();
    let cluster = Cluster::start(&Settings { needs_password: true, ..Settings::default() }).unwrap();
    let database = cluster.database().unwrap();
    let store = open(database.url());
    let (_task, mut heard) = hear(&store);
    assert_eq!(next(&mut heard).await, Heard::Connected);
    assert_eq!(log.lines(&database), Vec::<String>::new());
    cluster.stop(Shutdown::Fast).unwrap();
    let lines = log.lines_once(&database, 1).await;
    assert!(lines[0].contains("WARN") && lines[0].contains("terminating connection"), "{lines:?}");
    cluster.resume().unwrap();
    assert_eq!(next(&mut heard).await, Heard::Connected);
    database.query("NOTIFY oneoff_written").unwrap();
    assert_eq!(next(&mut heard).await, Heard::Written);
    cluster.kill().unwrap();
    cluster.resume().unwrap();
    assert_eq!(next(&mut heard).await, Heard::Connected);
    let lines = log.lines_once(&database, 4).await;
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(
        lines[3].contains("heard again") && lines[3].contains("postgres://oneoff@127.0.0.1"),
        "{lines:?}"
    );
    assert!(!lines.concat().contains("only-for-tests"), "{lines:?}");
    store.close();
}

/// The store's other connections stay: certificates count when a connection is opened.
#[tokio::test]
async fn a_server_of_another_authority_is_not_heard_and_the_log_says_why() {
    let log = Log::of_process();
    let settings = Settings { has_tls: true, needs_password: true, ..Settings::default() };
    let cluster = Cluster::start(&settings).unwrap();
    let database = cluster.database().unwrap();
    let certificates = cluster.certificates().unwrap();
    let store = open(&cluster.tls_url(&database).unwrap());
    let ours = std::fs::read(&certificates.authority).unwrap();
    std::fs::copy(&certificates.other_authority, &certificates.authority).unwrap();
    let (_task, mut heard) = hear(&store);
    let lines = log.lines_once(&database, 1).await;
    assert!(lines[0].contains("WARN") && lines[0].contains("UnknownIssuer"), "{lines:?}");
    assert!(heard.try_recv().is_err());
    std::fs::write(&certificates.authority, ours).unwrap();
    assert_eq!(next(&mut heard).await, Heard::Connected);
    let lines = log.lines_once(&database, 2).await;
    assert!(lines[1].contains("heard again"), "{lines:?}");
    assert!(!lines.concat().contains("only-for-tests"), "{lines:?}");
    store.close();
}
