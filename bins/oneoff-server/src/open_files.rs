//! The limit on open files: connections must not take those that jobs and the database need.

use crate::settings::Settings;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files of the database, its readers, the log, the threads.
const OWN_FILES: u64 = 128;
/// Pipes and sockets of an attempt.
const FILES_OF_AN_ATTEMPT: u64 = 6;
/// Connections that are served however few files there may be.
const LEAST_CONNECTIONS: u64 = 16;
/// Slots per CPU where their number is not given.
const SLOTS_PER_CPU: usize = 16;

/// How many connections can be served. Raises this process's limit on open files as far as that needs and the
/// system allows.
pub(crate) fn connections(settings: &Settings) -> usize {
    let slots = match settings.workers_count {
        0 => SLOTS_PER_CPU * std::thread::available_parallelism().map_or(1, usize::from),
        given => given,
    };
    let reserved = OWN_FILES + FILES_OF_AN_ATTEMPT * u64::try_from(slots).unwrap_or(u64::MAX / 64);
    let wanted = u64::try_from(settings.max_connections).unwrap_or(u64::MAX);
    let allowed = raise(reserved.saturating_add(wanted));
    let connections = within(allowed, reserved, wanted);
    if connections < wanted {
        tracing::warn!(
            connections,
            open_files = allowed,
            "fewer connections are served than MAX_CONNECTIONS: raise the limit on open files (ulimit -n, or \
             LimitNOFILE= of systemd)"
        );
    }
    usize::try_from(connections).unwrap_or(usize::MAX)
}

fn within(allowed: u64, reserved: u64, wanted: u64) -> u64 {
    wanted.min(allowed.saturating_sub(reserved).max(LEAST_CONNECTIONS))
}

/// Raises the soft limit to `wanted`, or to the hard one; answers what it is then.
fn raise(wanted: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let now = limit.current.unwrap_or(u64::MAX);
    if now >= wanted {
        return now;
    }
    let raised = limit.maximum.map_or(wanted, |maximum| wanted.min(maximum));
    match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum }) {
        Ok(()) => raised,
        Err(error) => {
            tracing::debug!(%error, "the limit on open files cannot be raised");
            now
        }
    }
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn what_jobs_need_is_left_to_them() {
        assert_eq!(within(20_000, 300, 4_096), 4_096);
        assert_eq!(within(1_024, 300, 4_096), 724);
        assert_eq!(within(100, 300, 4_096), 16, "few, but some");
    }
}
