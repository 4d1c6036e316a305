//! Ctrl-C and SIGTERM as messages, so that what was started is stopped before we end.

use anyhow::{Context as _, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::mpsc::{self, Receiver};

/// A message for each signal that asks us to end. Without a call of this they end us at once.
pub(crate) fn interrupts() -> Result<Receiver<()>> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot wait for signals")?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for _signal in signals.forever() {
            if sender.send(()).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}
