//! What OneOff v1 documents works as documented: on a file, and where `DATABASE_URL` names a server, there.

mod curl;
mod defects;
mod examples;
mod forms;
mod gone;

use crate::process::{Place, Serving};
use oneoff_pg_fixture::{Cluster, Database};
use std::os::unix::fs::PermissionsExt as _;

/// A server on a database of its own: a file, or one on the server that `DATABASE_URL` names in the environment of the
/// tests.
pub(super) struct AnyServer {
    // Before the database that it uses.
    pub(super) serving: Serving,
    pub(super) place: Place,
    _database: Option<Database>,
}

impl AnyServer {
    /// With what `settings` adds.
    #[expect(clippy::disallowed_methods, reason = "tests have no settings of their own")]
    pub(super) fn start(settings: &[(&str, &str)]) -> Self {
        let url = std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty());
        let database = url.map(|url| Cluster::of_url(&url).unwrap().database().unwrap());
        let mut place = match &database {
            Some(database) => on_server(database),
            None => Place::new(),
        };
        place = place.with("SHUTDOWN_GRACE_SECONDS", 1);
        for (name, value) in settings {
            place = place.with(name, value);
        }
        let serving = place.serve();
        Self { serving, place, _database: database }
    }

    pub(super) fn port(&self) -> u16 {
        self.serving.port()
    }
}

/// Nodes are given the key by which they seal secrets.
fn on_server(database: &Database) -> Place {
    let place = Place::bare().with("PORT", 0).with("DATABASE_URL", database.url());
    let file = place.directory.path().join("sealing.key");
    std::fs::write(&file, "5e".repeat(32)).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    place.with("SEALING_KEY_FILE", file.display())
}
