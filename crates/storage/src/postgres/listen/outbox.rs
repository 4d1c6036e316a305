//! Passing on what was heard to somebody who may be slow: what does not fit is not lost, but summed up.

use super::Heard;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

/// The sender of a bounded channel, and what did not fit into it.
pub(super) struct Outbox {
    sender: Sender<Heard>,
    everything: bool,
    written: bool,
    numbered: bool,
}

impl Outbox {
    pub(super) fn new(sender: Sender<Heard>) -> Self {
        Self { sender, everything: false, written: false, numbered: false }
    }

    /// Passes it on now if it fits; [`Self::deliver`] does so later if it does not.
    pub(super) fn say(&mut self, heard: Heard) {
        match self.sender.try_send(heard) {
            // Whoever listens to nobody any more ends the whole task.
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(Heard::Written)) => self.written = true,
            Err(TrySendError::Full(Heard::Numbered)) => self.numbered = true,
            Err(TrySendError::Full(Heard::Connected | Heard::KeyFree(_))) => self.everything = true,
        }
    }

    /// Whether something did not fit.
    pub(super) fn is_waiting(&self) -> bool {
        self.everything || self.written || self.numbered
    }

    /// Waits for room and passes on one thing of what did not fit. Nothing is lost if it is dropped.
    pub(super) async fn deliver(&mut self) {
        let Ok(room) = self.sender.reserve().await else { return };
        if self.everything {
            // It says that there may be anything.
            (self.everything, self.written, self.numbered) = (false, false, false);
            room.send(Heard::Connected);
        } else if std::mem::take(&mut self.written) {
            room.send(Heard::Written);
        } else if std::mem::take(&mut self.numbered) {
            room.send(Heard::Numbered);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::{Receiver, channel};

    async fn rest(mut outbox: Outbox, mut heard: Receiver<Heard>) -> Vec<Heard> {
        let mut all = Vec::new();
        while let Ok(one) = heard.try_recv() {
            all.push(one);
        }
        while outbox.is_waiting() {
            outbox.deliver().await;
            all.push(heard.try_recv().unwrap());
        }
        all
    }

    #[tokio::test]
    async fn what_does_not_fit_is_said_once() {
        let (sender, heard) = channel(1);
        let mut outbox = Outbox::new(sender);
        outbox.say(Heard::KeyFree("a".to_owned()));
        for _ in 0..100 {
            outbox.say(Heard::Numbered);
            outbox.say(Heard::Written);
        }
        let all = rest(outbox, heard).await;
        assert_eq!(all, [Heard::KeyFree("a".to_owned()), Heard::Written, Heard::Numbered]);
    }

    #[tokio::test]
    async fn keys_that_do_not_fit_mean_everything() {
        let (sender, heard) = channel(2);
        let mut outbox = Outbox::new(sender);
        for key in ["a", "b", "c", "d"] {
            outbox.say(Heard::KeyFree(key.to_owned()));
        }
        outbox.say(Heard::Written);
        let all = rest(outbox, heard).await;
        assert_eq!(all, [Heard::KeyFree("a".to_owned()), Heard::KeyFree("b".to_owned()), Heard::Connected]);
    }
}
