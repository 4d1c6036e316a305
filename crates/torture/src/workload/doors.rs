//! The servers that clients can ask just now.

use crate::random::Choices;
use oneoff_client::Client;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One client for each server that there is.
#[derive(Debug, Clone)]
pub struct Doors {
    /// Who is asked where there is no server.
    nobody: Client,
    clients: Arc<Mutex<Vec<Option<Client>>>>,
}

impl Doors {
    /// The door of the only server.
    #[must_use]
    pub fn of(client: &Client) -> Self {
        Self { nobody: client.clone(), clients: Arc::default() }
    }

    /// Closed doors of so many servers. Until one opens, `nobody` is asked.
    #[must_use]
    pub fn closed(nobody: Client, servers: usize) -> Self {
        Self { nobody, clients: Arc::new(Mutex::new(vec![None; servers])) }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Option<Client>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A server listens; or it does not any more, and its port may be somebody else's soon.
    pub fn set(&self, server: usize, client: Option<Client>) {
        if let Some(door) = self.lock().get_mut(server) {
            *door = client;
        }
    }

    /// Any of them.
    #[must_use]
    pub fn any(&self, choices: &Choices) -> Client {
        let open: Vec<Client> = self.lock().iter().flatten().cloned().collect();
        choices.one_of(&open).unwrap_or(&self.nobody).clone()
    }
}
