//! Signals of the operating system: when to stop, and when to stop at once.

use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Who ends a process with its group, as `timeout` does, sends it the same signal twice.
const ECHO: Duration = Duration::from_millis(500);

/// The signals that the server listens to.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes the signals over. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The system refuses it.
    pub fn install() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for SIGTERM or SIGINT. SIGHUP changes nothing, as settings are read at the start only; without
    /// a handler it would end the server and what it runs.
    pub async fn stop_requested(&mut self) -> StopRequest {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return StopRequest::Terminate,
                _ = self.interrupt.recv() => return StopRequest::Interrupt,
                _ = self.hangup.recv() => {
                    tracing::info!("SIGHUP is ignored: settings are read at the start only, restart to change them");
                }
            }
        }
    }

    /// Waits for another signal than the echo of the first, which has just come.
    pub async fn stop_requested_again(&mut self, first: StopRequest) -> StopRequest {
        let echo_until = Instant::now() + ECHO;
        loop {
            let again = self.stop_requested().await;
            if again != first || Instant::now() > echo_until {
                return again;
            }
            tracing::debug!(signal = again.name(), "the same signal again is its echo");
        }
    }
}

/// A request to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopRequest {
    /// SIGTERM, from a service manager.
    Terminate,
    /// SIGINT, from a terminal.
    Interrupt,
}

impl StopRequest {
    /// The signal's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        }
    }

    /// The exit code of a process that this signal ends: 128 and its number.
    #[must_use]
    pub fn exit_code(self) -> i32 {
        match self {
            Self::Terminate => 128 + 15,
            Self::Interrupt => 128 + 2,
        }
    }
}
