//! `serve`: starts the server and runs it until a signal stops it.

use super::CommandError;
use crate::settings::Settings;
use crate::signals::Signals;
use crate::start::{Guardian, Server, start};
use crate::{first_key, listen, version};
use tokio::sync::oneshot;

/// Serves until SIGTERM or SIGINT, and then until what runs has ended or its grace is over.
///
/// # Errors
/// The server cannot start, or failed.
pub async fn run(settings: Settings) -> Result<(), CommandError> {
    let mut signals = Signals::install()?;
    let bootstrap = settings.bootstrap_key_file.as_deref().map(first_key::read).transpose()?;
    let listener = listen::bind(&settings)?;
    warn_of_risks(&settings);
    settings.notes.iter().for_each(|note| tracing::info!("{note}"));
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move {
        // A sender that is gone stops the server as well.
        let _either_way = stopped.await;
    };
    let guardian = Guardian { program: std::env::current_exe()?, arguments: vec!["guardian".into()] };
    let server = start(settings.clone(), listener, Some(guardian), shutdown).await?;
    announce(&server, &settings);
    first_key::provide(&server, &settings, bootstrap).await?;
    let ended = server.ended();
    tokio::pin!(ended);
    let request = tokio::select! {
        result = &mut ended => return Ok(result?),
        request = signals.stop_requested() => request,
    };
    tracing::info!(
        signal = request.name(),
        grace_seconds = settings.shutdown_grace.as_secs(),
        "stopping: no job is started any more, running jobs have their grace; a second signal ends at once"
    );
    drop(stop);
    tokio::select! {
        result = &mut ended => result?,
        again = signals.stop_requested_again(request) => {
            tracing::warn!(signal = again.name(), "stopped at once: what ran is closed as lost at the next start");
            std::process::exit(again.exit_code());
        }
    }
    tracing::info!("stopped");
    Ok(())
}

fn announce(server: &Server, settings: &Settings) {
    let found = server.found();
    tracing::info!(
        url = server.url(),
        database = %found.database.display(),
        jobs = found.jobs,
        overdue = found.overdue,
        environment = %settings.environment,
        version = version::VERSION,
        commit = version::COMMIT,
        "listening on {}",
        server.url()
    );
}

fn warn_of_risks(settings: &Settings) {
    if settings.insecure_no_auth && !settings.auth_enabled && !settings.is_loopback() {
        tracing::warn!(
            "INSECURE_NO_AUTH: whoever reaches HOST={} can run commands on this machine, without a key",
            settings.host
        );
    }
    if !settings.auth_enabled && rustix::process::geteuid().is_root() {
        tracing::warn!(
            "this server runs as root without keys: whoever may run a program on this machine can become root by it. \
             Run it as a user of its own, or set AUTH_ENABLED=true"
        );
    }
}
