//! A server of a test's own, or one that somebody else started for the tests.

use crate::binaries::Binaries;
use crate::certificates::Certificates;
use crate::database::{Database, query, with_name};
use crate::process::run;
use crate::server::{Server, Shutdown};
use crate::sweeper::Sweeper;
use crate::{FixtureError, Settings};
use std::collections::HashSet;
use std::fmt::Display;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use url::Url;

/// Who owns the databases of tests. Not a superuser, as with people's servers.
const USER: &str = "oneoff";
const PASSWORD: &str = "only-for-tests";
/// So often another port is tried when somebody took it since it was free.
const PORTS_TRIED: usize = 5;

/// Databases that this program has made, on whatever server.
static MADE: AtomicU64 = AtomicU64::new(0);

/// A server with any number of databases.
#[derive(Debug)]
pub struct Cluster {
    admin: Url,
    user: Url,
    templates: Mutex<HashSet<String>>,
    own: Option<Own>,
}

/// What there is of a server that this program started. The server goes before its files.
#[derive(Debug)]
struct Own {
    server: Mutex<Server>,
    directory: PathBuf,
    certificates: Option<Certificates>,
    _sweeper: Sweeper,
}

impl Cluster {
    /// Starts a server, which takes about a second.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or does not start.
    pub fn start(settings: &Settings) -> Result<Self, FixtureError> {
        let binaries = Binaries::find()?;
        let directory = directory(&binaries)?;
        let sweeper = Sweeper::start(&directory)?;
        let data = directory.join("data");
        run(binaries.command("initdb").arg("-D").arg(&data).args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]))?;
        let certificates = match settings.has_tls {
            true => Some(Certificates::make(&directory, &data, &binaries)?),
            false => None,
        };
        if settings.needs_password {
            let rules = format!("local all all trust\nhost all {USER} all scram-sha-256\n");
            write(&data.join("pg_hba.conf"), &rules)?;
        }
        let mut server = Server::new(binaries, data.clone(), directory.join("log"));
        let port = start_on_free_port(&mut server, settings, &directory, &data)?;
        let own = Own { server: Mutex::new(server), directory, certificates, _sweeper: sweeper };
        let admin = own.admin(port)?;
        query(&admin, &format!("CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'"))?;
        let password = if settings.needs_password { format!(":{PASSWORD}") } else { String::new() };
        let user = Url::parse(&format!("postgres://{USER}{password}@127.0.0.1:{port}/postgres"))?;
        Ok(Self::new(admin, user, Some(own)))
    }

    /// Uses a server that somebody else started. The user in its URL must be allowed to create databases.
    ///
    /// # Errors
    /// The URL cannot be read.
    pub fn of_url(url: &str) -> Result<Self, FixtureError> {
        let url = Url::parse(url)?;
        Ok(Self::new(url.clone(), url, None))
    }

    fn new(admin: Url, user: Url, own: Option<Own>) -> Self {
        Self { admin, user, templates: Mutex::default(), own }
    }

    /// A fresh, empty database.
    ///
    /// # Errors
    /// The server's.
    pub fn database(&self) -> Result<Database, FixtureError> {
        self.create(None)
    }

    /// A fresh copy of a template, which `fill` makes at its first use: quicker than filling each database.
    ///
    /// # Errors
    /// The server's, and what `fill` answers.
    pub fn database_from<E: Display>(
        &self,
        template: &str,
        fill: impl FnOnce(&str) -> Result<(), E>,
    ) -> Result<Database, FixtureError> {
        if !self.is_own() {
            // A template would stay behind on a server that outlives the tests.
            let database = self.create(None)?;
            fill(database.url()).map_err(|error| unfilled(template, &error))?;
            return Ok(database);
        }
        let name = self.template(template, fill)?;
        self.create(Some(&name))
    }

    fn template<E: Display>(
        &self,
        template: &str,
        fill: impl FnOnce(&str) -> Result<(), E>,
    ) -> Result<String, FixtureError> {
        let name = format!("{}_template_{template}", prefix());
        // Whoever needs it meanwhile waits: it cannot be copied while it is filled.
        let mut templates = lock(&self.templates);
        if templates.contains(&name) {
            return Ok(name);
        }
        let made = Database::create(&self.admin, with_name(&self.user, &name), name.clone(), None)?;
        fill(made.url()).map_err(|error| unfilled(template, &error))?;
        // It stays as long as the server. One that nobody may connect to cannot be in use while it is copied.
        query(&self.admin, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"))?;
        std::mem::forget(made);
        templates.insert(name.clone());
        Ok(name)
    }

    fn create(&self, template: Option<&str>) -> Result<Database, FixtureError> {
        let name = format!("{}_{}", prefix(), MADE.fetch_add(1, Ordering::Relaxed));
        Database::create(&self.admin, with_name(&self.user, &name), name, template)
    }

    /// The same database by the server's Unix socket instead of TCP; `None` of a server that is not ours.
    #[must_use]
    pub fn socket_url(&self, database: &Database) -> Option<String> {
        self.own.as_ref()?;
        let mut url = with_name(&self.admin, database.name());
        let pairs: Vec<_> = url.query_pairs().into_owned().filter(|(name, _)| name != "user").collect();
        url.query_pairs_mut().clear().extend_pairs(pairs).append_pair("user", USER);
        Some(url.into())
    }

    /// The same database by TCP and TLS, with the server's certificate and name checked; `None` without TLS.
    #[must_use]
    pub fn tls_url(&self, database: &Database) -> Option<String> {
        let authority = self.certificates()?.authority.to_str()?;
        let mut url = Url::parse(database.url()).ok()?;
        url.set_host(Some("localhost")).ok()?;
        url.query_pairs_mut().append_pair("sslmode", "verify-full").append_pair("sslrootcert", authority);
        Some(url.into())
    }

    /// The files to check the server with, if it speaks TLS.
    #[must_use]
    pub fn certificates(&self) -> Option<&Certificates> {
        self.own.as_ref()?.certificates.as_ref()
    }

    /// Whether this program started it, and so may stop and kill it.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// The id of the server's first process; `None` while it does not run, or if it is not ours.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        lock(&self.own.as_ref()?.server).process_id()
    }

    /// Stops the server, and waits until it is gone.
    ///
    /// # Errors
    /// It is not ours, or does not end.
    pub fn stop(&self, shutdown: Shutdown) -> Result<(), FixtureError> {
        self.server()?.stop(shutdown)
    }

    /// Kills the server and all of its processes, as a crash does.
    ///
    /// # Errors
    /// It is not ours, or does not end.
    pub fn kill(&self) -> Result<(), FixtureError> {
        self.server()?.kill()
    }

    /// Starts the server again after it was stopped or killed, on the same port, and waits until it takes connections.
    ///
    /// # Errors
    /// It is not ours, or does not become ready.
    pub fn resume(&self) -> Result<(), FixtureError> {
        self.server()?.start()
    }

    /// Stops the server and starts it again.
    ///
    /// # Errors
    /// It is not ours, does not end, or does not become ready.
    pub fn restart(&self, shutdown: Shutdown) -> Result<(), FixtureError> {
        self.stop(shutdown)?;
        self.resume()
    }

    /// Stops the server and starts it again as a replica, which takes reads only, or as what it was before.
    ///
    /// # Errors
    /// As [`Self::restart`].
    pub fn restart_as_replica(&self, is_replica: bool) -> Result<(), FixtureError> {
        let mut server = self.server()?;
        server.stop(Shutdown::Fast)?;
        server.set_replica(is_replica)?;
        server.start()
    }

    fn server(&self) -> Result<MutexGuard<'_, Server>, FixtureError> {
        self.own.as_ref().map(|own| lock(&own.server)).ok_or(FixtureError::NotOurs)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Ok(mut server) = self.server() {
            // The sweeper tries once more.
            drop(server.stop(Shutdown::Immediate));
        }
    }
}

impl Own {
    /// The superuser, by the socket: it works however TCP is guarded.
    fn admin(&self, port: u16) -> Result<Url, FixtureError> {
        let host = self.directory.to_string_lossy();
        let parameters = [("host", host.as_ref()), ("port", &port.to_string()), ("user", "postgres")];
        Ok(Url::parse_with_params("postgres:///postgres", parameters)?)
    }
}

fn unfilled(template: &str, error: &impl Display) -> FixtureError {
    FixtureError::Template { template: template.to_owned(), error: error.to_string() }
}

/// What the names of this program's databases begin with: several programs may test with one server.
fn prefix() -> String {
    format!("test_{}", std::process::id())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A directory of the server's own. It is in `/tmp`: the name of a socket may have no more than 107 bytes.
fn directory(binaries: &Binaries) -> Result<PathBuf, FixtureError> {
    let files = |source| FixtureError::Files { path: "/tmp".into(), source };
    let all = Path::new("/tmp").canonicalize().map_err(files)?;
    let directory = tempfile::Builder::new().prefix("oneoff-pg-").tempdir_in(all).map_err(files)?;
    binaries.give(directory.path())?;
    // From here on it is the sweeper's to remove.
    Ok(directory.keep())
}

fn start_on_free_port(
    server: &mut Server,
    settings: &Settings,
    directory: &Path,
    data: &Path,
) -> Result<u16, FixtureError> {
    let path = data.join("postgresql.conf");
    let files = |source| FixtureError::Files { path: path.clone(), source };
    let given = std::fs::read_to_string(&path).map_err(files)?;
    let mut failure = FixtureError::NotEnded;
    for _ in 0..PORTS_TRIED {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(files)?;
        let port = listener.local_addr().map_err(files)?.port();
        drop(listener);
        write(&path, &format!("{given}\n{}", settings.lines(&directory.to_string_lossy(), port)))?;
        match server.start() {
            Ok(()) => return Ok(port),
            Err(FixtureError::NotReady { log }) if log.contains("Address already in use") => {
                failure = FixtureError::NotReady { log };
            }
            Err(error) => return Err(error),
        }
    }
    Err(failure)
}

fn write(path: &Path, text: &str) -> Result<(), FixtureError> {
    std::fs::write(path, text).map_err(|source| FixtureError::Files { path: path.to_owned(), source })
}
