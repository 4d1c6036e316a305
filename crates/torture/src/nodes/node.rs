//! One of several nodes: its server, its way to the database, and what happens to both.

use super::campaign::Ground;
use super::proxy::{Proxy, Way};
use super::readiness::is_ready;
use super::trouble::Trouble;
use crate::plan::LifePlan;
use crate::random::Choices;
use crate::server::{Place, Server, Started};
use anyhow::{Context as _, Result, bail};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long a node may take until it is well again after whatever happened to it.
const WELL_WITHIN: Duration = Duration::from_secs(90);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A node.
pub(super) struct Node {
    number: usize,
    lives: u64,
    place: Place,
    proxy: Proxy,
    ground: Arc<Ground>,
    choices: Choices,
    running: Option<Running>,
}

struct Running {
    server: Server,
    watching: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl Node {
    /// A node, with a proxy of its own before the database.
    pub(super) async fn new(number: usize, ground: Arc<Ground>) -> Result<Self> {
        let mut url = url::Url::parse(&ground.database_url).context("the address of the database")?;
        let proxy = Proxy::before(url.port().context("the port of the database")?).await?;
        if url.set_port(Some(proxy.port())).is_err() {
            bail!("the address of the database takes no port");
        }
        let place = Place::on_postgres(ground.program.clone(), ground.directory.clone(), url.into());
        let place = Place { node: Some(format!("node-{number}")), patience: ground.patience, ..place };
        let choices = Choices::new(ground.seed, 3_000 + number as u64);
        Ok(Self { number, lives: 0, place, proxy, ground, choices, running: None })
    }

    fn name(&self) -> &str {
        self.place.node.as_deref().unwrap_or_default()
    }

    /// Starts its server and waits until it is well. The database is not restarted meanwhile.
    pub(super) async fn start(&mut self) -> Result<()> {
        let _database_stays = self.ground.database.read().await;
        self.lives += 1;
        let life = LifePlan {
            sabotage: self.ground.sabotage,
            unguarded: self.ground.machines.is_unguarded(&self.choices),
            elsewhere: self.ground.machines.are_apart(),
            ..LifePlan::default()
        };
        let Started::Listening(server) = Server::start(&self.place, &life).await? else {
            bail!("it was killed by somebody else");
        };
        self.ground.doors.set(self.number, Some(server.client.clone()));
        let watch = self.ground.readiness.clone().watch(server.client.clone(), self.name().to_owned());
        self.running = Some(Running { server, watching: tokio::spawn(watch) });
        Ok(())
    }

    fn running(&mut self) -> Result<&mut Running> {
        self.running.as_mut().context("it does not run")
    }

    /// Goes through a trouble to its end, and waits until the node is well again.
    pub(super) async fn suffer(&mut self, trouble: Trouble) -> Result<()> {
        match trouble {
            Trouble::Kill { down, renamed } => {
                self.ground.doors.set(self.number, None);
                self.running()?.server.kill().await?;
                self.running = None;
                tokio::time::sleep(down).await;
                if renamed {
                    self.place.node = Some(format!("node-{}-{}", self.number, self.lives));
                }
                self.start().await?;
            }
            Trouble::Stop => {
                self.stop().await?;
                self.start().await?;
            }
            Trouble::Pause(lasts) => {
                self.running()?.server.pause()?;
                tokio::time::sleep(lasts).await;
                self.running()?.server.go_on()?;
            }
            Trouble::CutOff(lasts) => {
                self.proxy.set(Way::Cut);
                tokio::time::sleep(lasts).await;
                self.proxy.set(Way::Open);
            }
            Trouble::Silence { lasts, ends_cut } => {
                self.proxy.set(Way::Silent);
                tokio::time::sleep(lasts).await;
                if ends_cut {
                    self.proxy.set(Way::Cut);
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                self.proxy.set(Way::Open);
            }
        }
        self.is_well_again().await
    }

    /// Waits until it is well.
    ///
    /// # Errors
    /// It is not, or has ended of itself.
    pub(super) async fn is_well_again(&mut self) -> Result<()> {
        let (name, deadline) = (self.name().to_owned(), Instant::now() + WELL_WITHIN);
        let log = self.place.log();
        let running = self.running()?;
        while !is_ready(&running.server.client, &name).await {
            if let Some(status) = running.server.ended()? {
                bail!("the server of {name} ended with {status}: see {}", log.display());
            }
            if Instant::now() > deadline {
                bail!("{name} is not well after {WELL_WITHIN:?}: see {}", log.display());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// Stops it in good order.
    pub(super) async fn stop(&mut self) -> Result<()> {
        // A node that stops tells what it did, which it can while the database is there.
        let _database_stays = self.ground.database.read().await;
        self.ground.doors.set(self.number, None);
        let mut running = self.running.take().context("it does not run")?;
        running.server.stop().await
    }
}
