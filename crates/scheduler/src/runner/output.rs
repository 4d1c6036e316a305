//! Collects the output of an attempt: the head is stored while it runs, the tail is kept in a ring and
//! stored with the outcome. Offsets are those of the original stream, so a gap between them shows.

use crate::running::Running;
use oneoff_domain::limits::OUTPUT_MAX_BYTES;
use oneoff_domain::{Clock, ExecutionId};
use oneoff_executors::OutputChunk;
use oneoff_storage::{NewOutputChunk, Store};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

const HEAD_MAX_BYTES: u64 = OUTPUT_MAX_BYTES / 2;
const TAIL_MAX_BYTES: u64 = OUTPUT_MAX_BYTES / 2;
/// Output waits this long for more before it is stored, so that a line at a time is not a commit each.
const FLUSH_AFTER: Duration = Duration::from_millis(100);
/// This much is stored at once.
const FLUSH_BYTES: u64 = 64 * 1024;
/// How long to rest when the store cannot take output.
const STORE_BACKOFF: Duration = Duration::from_secs(1);
/// How long an executor that has ended may keep its output open.
const CLOSE_GRACE: Duration = Duration::from_millis(500);

/// The output that is still to be stored, and its totals.
pub(super) struct Collected {
    pub(super) rest: Vec<NewOutputChunk>,
    pub(super) total_bytes: i64,
    pub(super) truncated: bool,
}

/// The task that collects.
pub(super) struct Collector {
    close: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Collected>,
}

impl Collector {
    pub(super) fn spawn(
        execution_id: ExecutionId,
        receiver: mpsc::Receiver<OutputChunk>,
        store: Store,
        clock: Arc<dyn Clock>,
        running: Arc<Running>,
    ) -> Self {
        let (close, closed) = oneshot::channel();
        let collection = Collection {
            execution_id,
            store,
            clock,
            running,
            head: Vec::new(),
            head_bytes: 0,
            unstored_bytes: 0,
            tail: VecDeque::new(),
            tail_bytes: 0,
            total_bytes: 0,
            truncated: false,
        };
        Self { close, task: tokio::spawn(collection.collect(receiver, closed)) }
    }

    /// Takes in what the executor still wrote; it has ended.
    pub(super) async fn finish(self) -> Collected {
        let mut task = self.task;
        let ended = match tokio::time::timeout(CLOSE_GRACE, &mut task).await {
            Ok(ended) => ended,
            Err(_still_open) => {
                let _collector_gone = self.close.send(());
                task.await
            }
        };
        ended.unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "the collector of output failed");
            Collected { rest: Vec::new(), total_bytes: 0, truncated: true }
        })
    }
}

struct Collection {
    execution_id: ExecutionId,
    store: Store,
    clock: Arc<dyn Clock>,
    running: Arc<Running>,
    head: Vec<NewOutputChunk>,
    head_bytes: u64,
    unstored_bytes: u64,
    tail: VecDeque<NewOutputChunk>,
    tail_bytes: u64,
    total_bytes: u64,
    truncated: bool,
}

impl Collection {
    async fn collect(
        mut self,
        mut receiver: mpsc::Receiver<OutputChunk>,
        mut closed: oneshot::Receiver<()>,
    ) -> Collected {
        let mut flush_at = None;
        loop {
            let flush_due = async {
                match flush_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                chunk = receiver.recv() => match chunk {
                    Some(chunk) => {
                        self.add(chunk);
                        if flush_at.is_none() && !self.head.is_empty() {
                            flush_at = Some(Instant::now() + FLUSH_AFTER);
                        }
                    }
                    None => break,
                },
                () = flush_due => flush_at = self.flush().await,
                _ = &mut closed => {
                    receiver.close();
                    while let Ok(chunk) = receiver.try_recv() {
                        self.add(chunk);
                    }
                    break;
                }
            }
            if self.unstored_bytes >= FLUSH_BYTES {
                flush_at = self.flush().await;
            }
        }
        let mut rest = self.head;
        rest.extend(self.tail);
        let total_bytes = i64::try_from(self.total_bytes).unwrap_or(i64::MAX);
        Collected { rest, total_bytes, truncated: self.truncated }
    }

    fn add(&mut self, chunk: OutputChunk) {
        let OutputChunk { stream, mut bytes } = chunk;
        let offset = i64::try_from(self.total_bytes).unwrap_or(i64::MAX);
        self.total_bytes += bytes.len() as u64;
        let at = self.clock.now();
        let room = usize::try_from(HEAD_MAX_BYTES - self.head_bytes).unwrap_or(usize::MAX);
        let head = bytes.split_to(room.min(bytes.len()));
        let tail_offset = offset + i64::try_from(head.len()).unwrap_or(0);
        if !head.is_empty() {
            self.head_bytes += head.len() as u64;
            self.unstored_bytes += head.len() as u64;
            self.head.push(NewOutputChunk { stream, offset, at, bytes: head });
        }
        if !bytes.is_empty() {
            self.tail_bytes += bytes.len() as u64;
            self.tail.push_back(NewOutputChunk { stream, offset: tail_offset, at, bytes });
            self.trim_tail();
        }
    }

    fn trim_tail(&mut self) {
        while let Some(first) = self.tail.front() {
            let first_bytes = first.bytes.len() as u64;
            if self.tail_bytes.saturating_sub(first_bytes) < TAIL_MAX_BYTES {
                return;
            }
            self.tail_bytes -= first_bytes;
            self.truncated = true;
            self.tail.pop_front();
        }
    }

    /// Stores the head that waits. While the store cannot take it, nothing more is received, so that the
    /// executor waits too. Answers when to try again.
    async fn flush(&mut self) -> Option<Instant> {
        if self.head.is_empty() {
            return None;
        }
        let total_bytes = i64::try_from(self.total_bytes).unwrap_or(i64::MAX);
        match self.store.append_output(self.execution_id, self.head.clone(), total_bytes).await {
            Ok(()) => {
                self.head.clear();
                self.unstored_bytes = 0;
                self.running.output_flushed(self.execution_id);
                None
            }
            Err(error) => {
                let execution = self.execution_id;
                tracing::error!(%execution, error = &error as &dyn std::error::Error, "cannot store output");
                tokio::time::sleep(STORE_BACKOFF).await;
                Some(Instant::now())
            }
        }
    }
}
