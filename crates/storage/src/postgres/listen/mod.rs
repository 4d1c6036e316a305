//! Hearing what other nodes say by the server: one connection of a node, which is opened again whenever it is lost.

mod line;
#[cfg(test)]
mod line_tests;
mod outbox;
mod parameters;
mod tls;
#[cfg(test)]
mod tls_tests;

use super::address::DatabaseUrl;
use crate::Store;
use line::Line;
use outbox::Outbox;
use std::error::Error;
use std::time::Duration;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What a node hears of others, and of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Everything is heard from now on. Whatever was said before may have been missed: look at everything.
    Connected,
    /// Events wait to be numbered.
    Written,
    /// Events were numbered.
    Numbered,
    /// Something that jobs wait for is free.
    KeyFree(String),
}

impl Store {
    /// Hears what nodes say, by a connection of its own that is opened again whenever it is lost; `None` where there are
    /// no other nodes. What does not fit into the channel is summed up, never waited for. Ends when the receiver is
    /// dropped. Must be called within a Tokio runtime.
    #[must_use]
    pub fn hear_nodes(&self, heard: Sender<Heard>) -> Option<JoinHandle<()>> {
        let url = self.inner.server.as_ref()?.url.clone();
        Some(tokio::spawn(hear_until_closed(url, heard)))
    }
}

async fn hear_until_closed(url: DatabaseUrl, heard: Sender<Heard>) {
    let outbox = Outbox::new(heard.clone());
    tokio::select! {
        () = heard.closed() => {}
        () = hear_always(&url, outbox) => {}
    }
}

async fn hear_always(url: &DatabaseUrl, mut outbox: Outbox) {
    let mut pause = PAUSE_MIN;
    let mut is_lost = false;
    loop {
        let error = match Line::open(url, &mut outbox).await {
            Ok(mut line) => {
                if std::mem::take(&mut is_lost) {
                    tracing::info!(database = %url, "other nodes are heard again");
                }
                outbox.say(Heard::Connected);
                let since = Instant::now();
                let error = line.hear(&mut outbox).await;
                // A connection that is lost at once, again and again, does not count.
                if since.elapsed() > PAUSE_MAX {
                    pause = PAUSE_MIN;
                }
                error
            }
            Err(error) => error,
        };
        let reason = chain(&error);
        if is_lost {
            tracing::debug!(database = %url, error = reason, "other nodes are still not heard");
        } else {
            tracing::warn!(database = %url, error = reason, "other nodes are not heard until the server is back");
            is_lost = true;
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// An error with its sources: those of the client say nothing by themselves.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}
