//! The one writer: requests wait in lanes, and a thread commits whatever waits as one transaction. On a server
//! others make jobs beside it, so that one group is prepared while another is committed.
//!
//! The executing of requests ([`group`]) knows neither threads nor channels; this file joins it to them.

pub(crate) mod announce;
pub(crate) mod group;
mod home;
pub(crate) mod keys;
mod lane;
pub(crate) mod lanes;
mod live;
pub(crate) mod log_anew;
pub(crate) mod machine;
mod outage;
pub(crate) mod place;
pub(crate) mod request;
mod thread;
pub(crate) mod tx;

#[cfg(test)]
mod tests;

use crate::StoreError;
use crate::checkpoint::Checkpoints;
use crate::failure::{WriteError, unavailable};
use crate::postgres::group::ServerGroups;
use crate::reader::Silent;
use crate::wal_guard::WalGuard;
use group::GroupWriter;
use home::Home;
pub use home::gather_answers_here;
use lanes::{BESIDE, Lane, Lanes, LetIn, Takes, Waited};
use place::Place;
use request::{Call, Needs, Repeatable, Request, Shape};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use thread::Thread;
use tx::Tx;

/// A change that no writer has taken by then is given up, as the server may hang without a word: nothing of it is written.
/// What the scheduler itself writes waits for its turn.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// One that a writer has taken may take longer by this for each record that it writes. Its outcome is unknown then, and it
/// may still be written.
const ANSWER_MAX_PER_RECORD: Duration = Duration::from_millis(20);
/// A server's writer that has not ended by then hangs with the server: it is left behind.
const CLOSE_MAX: Duration = Duration::from_secs(5);

/// The way to the writer's thread.
pub(crate) struct Writer {
    lanes: Arc<Lanes>,
    threads: Mutex<Vec<Thread>>,
    /// How long those who ask for a change wait for a server, which may hang; nobody gives a file up.
    answer_max: Option<Duration>,
    #[cfg(any(test, feature = "inline"))]
    inline: Option<crate::inline::InlineWriter>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(group: GroupWriter, max_waiting: usize, guard: WalGuard) -> std::io::Result<Self> {
        let checkpoints = Checkpoints::start(group.connector(), group.last_event())?;
        let lanes = Arc::new(Lanes::new(max_waiting));
        let queue = Arc::clone(&lanes);
        let thread = Thread::start(move || write_until_closed(group, &queue, guard, checkpoints))?;
        Ok(Self {
            lanes,
            threads: Mutex::new(vec![thread]),
            answer_max: None,
            #[cfg(any(test, feature = "inline"))]
            inline: None,
        })
    }

    /// Starts the threads of a server's writers: of the one of everything, and of those that make jobs beside it.
    pub(crate) fn start_on_server(groups: ServerGroups, max_waiting: usize) -> std::io::Result<Self> {
        let lanes = Arc::new(Lanes::new(max_waiting));
        let mut threads = Vec::new();
        let mut writers: Vec<_> =
            (0..BESIDE).map(|number| (groups.beside(number), Takes::New(number))).collect();
        writers.push((groups, Takes::All));
        for (groups, takes) in writers {
            let queue = Arc::clone(&lanes);
            let write = move || write_to_server(groups, &queue, takes);
            threads.push(Thread::start(write)?);
        }
        Ok(Self {
            lanes,
            threads: Mutex::new(threads),
            answer_max: Some(ANSWER_MAX),
            #[cfg(any(test, feature = "inline"))]
            inline: None,
        })
    }

    /// Writes on the caller's thread.
    #[cfg(any(test, feature = "inline"))]
    pub(crate) fn inline(writer: crate::inline::InlineWriter) -> Self {
        let lanes = Arc::new(Lanes::new(0));
        Self { lanes, threads: Mutex::default(), answer_max: None, inline: Some(writer) }
    }

    /// Hands a write over and waits for its commit. Once handed over it is done whether or not the caller still waits,
    /// unless a server is silent for so long that it is given up.
    pub(crate) async fn write<T, F>(&self, lane: Lane, body: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, WriteError> + Send + 'static,
    {
        self.hand_over(lane, Shape::default(), body).await
    }

    /// The same of a body that is refused, if at all, before it writes anything.
    pub(crate) async fn write_or_refuse<T, F>(&self, lane: Lane, body: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, WriteError> + Send + 'static,
    {
        self.hand_over(lane, Shape { refuses_first: true, ..Shape::default() }, body).await
    }

    /// The same of a body that writes so many records.
    pub(crate) async fn write_many<T, F>(&self, lane: Lane, size: usize, body: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, WriteError> + Send + 'static,
    {
        self.hand_over(lane, Shape { size, ..Shape::default() }, body).await
    }

    /// Lets a request in as a whole that writes so many records in several parts.
    pub(crate) fn let_in(&self, size: usize) -> Result<LetIn, StoreError> {
        #[cfg(any(test, feature = "inline"))]
        if let Some(inline) = &self.inline {
            return inline.lanes().let_in(size);
        }
        self.lanes.let_in(size)
    }

    /// As [`Self::write_many`], of a part of a request that was let in.
    pub(crate) async fn write_part<T, F>(
        &self,
        _request: &LetIn,
        size: usize,
        body: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, WriteError> + Send + 'static,
    {
        self.hand_over(Lane::Api, Shape { size, is_let_in: true, ..Shape::default() }, body).await
    }

    /// The same, of what can be run again and together with others.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(crate) async fn write_together<T, F>(
        &self,
        lane: Lane,
        size: usize,
        needs: Needs,
        body: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, WriteError> + Send + 'static,
    {
        let (reply, answered) = reply();
        let shape = Shape { size, ..Shape::default() };
        let place = self.push(lane, Box::new(Repeatable::new(body, shape, needs, reply)))?;
        self.answer(lane, size, place, answered).await
    }

    async fn answer<T>(
        &self,
        lane: Lane,
        size: usize,
        place: Place,
        mut answered: Answered<T>,
    ) -> Result<T, StoreError> {
        let Some(answer_max) = self.answer_max.filter(|_| lane.is_of_api()) else {
            return answered.await.unwrap_or(Err(StoreError::Closed));
        };
        if let Ok(answer) = tokio::time::timeout(answer_max, &mut answered).await {
            return answer.unwrap_or(Err(StoreError::Closed));
        }
        if place.give_up() {
            return Err(unavailable(Silent(answer_max)));
        }
        let records = u32::try_from(size).unwrap_or(u32::MAX);
        let longer = ANSWER_MAX_PER_RECORD.saturating_mul(records);
        match tokio::time::timeout(longer, answered).await {
            Ok(answer) => answer.unwrap_or(Err(StoreError::Closed)),
            Err(_elapsed) => {
                Err(StoreError::OutcomeUnknown(Arc::new(Silent(answer_max.saturating_add(longer)))))
            }
        }
    }

    async fn hand_over<T, F>(&self, lane: Lane, shape: Shape, body: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, WriteError> + Send + 'static,
    {
        let (reply, answered) = reply();
        let call = Call::new(body, reply).of_shape(shape);
        let place = self.push(lane, Box::new(call))?;
        self.answer(lane, shape.size, place, answered).await
    }

    fn push(&self, lane: Lane, request: Box<dyn Request>) -> Result<Place, StoreError> {
        #[cfg(any(test, feature = "inline"))]
        if let Some(inline) = &self.inline {
            return inline.push(lane, request);
        }
        self.lanes.push(lane, request)
    }

    /// Ends the threads after what waits is committed. One that hangs with its server is left behind: what it writes is
    /// committed, if the server goes on, or not.
    pub(crate) fn close(&self) {
        #[cfg(any(test, feature = "inline"))]
        if let Some(inline) = &self.inline {
            inline.close();
        }
        self.lanes.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let deadline = self.answer_max.map(|_of_server| Instant::now() + CLOSE_MAX);
        threads.into_iter().for_each(|thread| thread.end(deadline));
    }
}

fn write_until_closed(
    mut group: GroupWriter,
    lanes: &Lanes,
    mut guard: WalGuard,
    mut checkpoints: Checkpoints,
) {
    let mut turns = lanes.turns(Takes::All);
    loop {
        match lanes.wait(&turns, group.reopens_in()) {
            Waited::Closed => return,
            Waited::TimeUp => group.mend(),
            Waited::Work => {
                lanes.begin_group(&mut turns);
                group.run(&mut || lanes.take(&mut turns));
                checkpoints.wrote(group.last_event());
            }
        }
        if group.found_disk_full() {
            guard.disk_is_full();
        }
        if let Some(conn) = group.connection() {
            guard.look(conn);
        }
    }
}

fn write_to_server(mut groups: ServerGroups, lanes: &Lanes, takes: Takes) {
    let mut turns = lanes.turns(takes);
    loop {
        let waited = match (takes, groups.reopens_in()) {
            (Takes::New(_), Some(reopens_in)) => lanes.stand_back(&turns, reopens_in),
            (_, reopens_in) => lanes.wait(&turns, reopens_in),
        };
        let has_work = match waited {
            Waited::Closed => return,
            Waited::TimeUp => false,
            Waited::Work => true,
        };
        // What is taken without a connection fails: so that another writer that has one can take it, it is opened first.
        lanes.opened(&mut turns, groups.open());
        if has_work {
            lanes.begin_group(&mut turns);
            groups.run(&mut || lanes.take(&mut turns));
        }
    }
}

type Answered<T> = tokio::sync::oneshot::Receiver<Result<T, StoreError>>;

/// What answers a caller on this thread, and where the answer arrives.
fn reply<T: Send + 'static>() -> (impl FnOnce(Result<T, StoreError>) + Send + 'static, Answered<T>) {
    let (answer, answered) = tokio::sync::oneshot::channel();
    let home = Home::here();
    let reply = move |result| match home {
        Some(home) => home.deliver(Box::new(move || drop(answer.send(result)))),
        None => drop(answer.send(result)),
    };
    (reply, answered)
}
