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
        Self { nobody: client.clone(), clients: Arc::new(Mutex::new(vec![Some(client.clone())])) }
    }

    /// Closed doors of so many servers, and a client that reaches nobody.
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

    /// Any of them that is open.
    #[must_use]
    pub fn any(&self, choices: &Choices) -> Option<Client> {
        let open: Vec<Client> = self.lock().iter().flatten().cloned().collect();
        choices.one_of(&open).cloned()
    }

    /// Who is asked where there is no server.
    #[must_use]
    pub fn nobody(&self) -> Client {
        self.nobody.clone()
    }
}
