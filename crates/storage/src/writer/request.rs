//! A write request: code to be run inside the group's transaction, and somebody to be told of the result.

use super::tx::Tx;
use crate::StoreError;
use crate::failure::WriteError;
use oneoff_domain::{JobKey, RequestScope, current_request};
use std::sync::Arc;

/// What a request needs to have been locked and read, so that it can run together with others: it then reads nothing
/// more, and writes only rows that belong to these. Such a request can be run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Needs {
    /// The records of these hashes of idempotency keys.
    Records(Vec<i64>),
    /// These jobs, as they wait.
    Waiting(Vec<JobKey>),
    /// This job, as it runs.
    Running(JobKey),
}

/// A request with its type erased.
pub(crate) trait Request: Send {
    /// Runs inside the transaction. The result is kept until it can be answered.
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), WriteError>;
    /// Whether it is refused, if at all, before it writes anything. Then it needs no savepoint, which costs a copy of
    /// every page that it writes.
    fn refuses_first(&self) -> bool {
        false
    }
    /// How many records it writes, about.
    fn size(&self) -> usize {
        1
    }
    /// Whether it is a part of a larger request that was let in as a whole.
    fn is_let_in(&self) -> bool {
        false
    }

    /// What it needs where it can run together with others; `None` where it runs on its own.
    fn needs(&self) -> Option<&Needs> {
        None
    }
    /// The id of the request by which somebody asked for it.
    fn asked_by(&self) -> Option<&Arc<str>> {
        None
    }
    /// Keeps the error of this request alone in place of a result.
    fn fail(&mut self, error: StoreError);
    /// Answers what is kept. The group's transaction is committed.
    fn answer(self: Box<Self>);
    /// Answers the error that ended the group.
    fn answer_error(self: Box<Self>, error: StoreError);
}

/// Has what is written to the log name the request of a group of one, for as long as the answer is kept.
pub(crate) fn scope_of(requests: &[Box<dyn Request>]) -> Option<RequestScope> {
    match requests {
        [only] => only.asked_by().map(|asked_by| RequestScope::enter(Some(Arc::clone(asked_by)))),
        _ => None,
    }
}

/// What is known of a write before it runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// It is refused, if at all, before it writes anything.
    pub(crate) refuses_first: bool,
    /// Records that it writes.
    pub(crate) size: usize,
    /// It is a part of a larger request that was let in as a whole.
    pub(crate) is_let_in: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self { refuses_first: false, size: 1, is_let_in: false }
    }
}

/// A request made of two closures.
pub(crate) struct Call<T, F, R> {
    body: Option<F>,
    shape: Shape,
    asked_by: Option<Arc<str>>,
    kept: Option<Result<T, StoreError>>,
    reply: R,
}

impl<T, F, R> Call<T, F, R>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, WriteError>,
    R: FnOnce(Result<T, StoreError>),
{
    pub(crate) fn new(body: F, reply: R) -> Self {
        Self { body: Some(body), shape: Shape::default(), asked_by: current_request(), kept: None, reply }
    }

    /// The same of another shape.
    pub(crate) fn of_shape(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }
}

impl<T, F, R> Request for Call<T, F, R>
where
    T: Send,
    F: FnOnce(&mut Tx<'_>) -> Result<T, WriteError> + Send,
    R: FnOnce(Result<T, StoreError>) + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), WriteError> {
        if let Some(body) = self.body.take() {
            let _scope = RequestScope::enter(self.asked_by.clone());
            self.kept = Some(Ok(body(tx)?));
        }
        Ok(())
    }

    fn refuses_first(&self) -> bool {
        self.shape.refuses_first
    }

    fn size(&self) -> usize {
        self.shape.size
    }

    fn is_let_in(&self) -> bool {
        self.shape.is_let_in
    }

    fn asked_by(&self) -> Option<&Arc<str>> {
        self.asked_by.as_ref()
    }

    fn fail(&mut self, error: StoreError) {
        self.kept = Some(Err(error));
    }

    fn answer(self: Box<Self>) {
        (self.reply)(self.kept.unwrap_or(Err(StoreError::Closed)));
    }

    fn answer_error(self: Box<Self>, error: StoreError) {
        (self.reply)(Err(error));
    }
}

/// Code that can be run again, with what it needs, and its caller.
pub(crate) struct Repeatable<T, F, R> {
    body: F,
    shape: Shape,
    needs: Needs,
    asked_by: Option<Arc<str>>,
    kept: Option<Result<T, StoreError>>,
    reply: R,
}

impl<T, F, R> Repeatable<T, F, R>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, WriteError>,
    R: FnOnce(Result<T, StoreError>),
{
    /// `reply` gets the result after the commit.
    pub(crate) fn new(body: F, shape: Shape, needs: Needs, reply: R) -> Self {
        Self { body, shape, needs, asked_by: current_request(), kept: None, reply }
    }
}

impl<T, F, R> Request for Repeatable<T, F, R>
where
    T: Send,
    F: FnMut(&mut Tx<'_>) -> Result<T, WriteError> + Send,
    R: FnOnce(Result<T, StoreError>) + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), WriteError> {
        let _scope = RequestScope::enter(self.asked_by.clone());
        self.kept = Some(Ok((self.body)(tx)?));
        Ok(())
    }

    fn size(&self) -> usize {
        self.shape.size
    }

    fn needs(&self) -> Option<&Needs> {
        Some(&self.needs)
    }

    fn asked_by(&self) -> Option<&Arc<str>> {
        self.asked_by.as_ref()
    }

    fn fail(&mut self, error: StoreError) {
        self.kept = Some(Err(error));
    }

    fn answer(self: Box<Self>) {
        (self.reply)(self.kept.unwrap_or(Err(StoreError::Closed)));
    }

    fn answer_error(self: Box<Self>, error: StoreError) {
        (self.reply)(Err(error));
    }
}
