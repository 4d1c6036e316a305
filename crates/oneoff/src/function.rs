//! Executors out of plain functions: what most programs that embed OneOff need.

use oneoff_domain::{AttemptOutcome, FieldError, OutputStream, Reason};
use oneoff_executors::{Executor, OutputWriter, RunContext, RunFuture};
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::future::Future;
use std::sync::Arc;

/// The error of a job function: anything that implements `Error`, or text. `?` makes one of any error.
pub type JobError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// What a job function may return: text becomes the output of the execution, JSON its result.
pub trait JobReturn: Send + 'static {
    /// The text that is appended to the output, and the result.
    fn into_parts(self) -> (Vec<u8>, Option<Value>);
}

impl JobReturn for () {
    fn into_parts(self) -> (Vec<u8>, Option<Value>) {
        (Vec::new(), None)
    }
}

impl JobReturn for &'static str {
    fn into_parts(self) -> (Vec<u8>, Option<Value>) {
        (self.as_bytes().to_vec(), None)
    }
}

impl JobReturn for String {
    fn into_parts(self) -> (Vec<u8>, Option<Value>) {
        (self.into_bytes(), None)
    }
}

impl JobReturn for Vec<u8> {
    fn into_parts(self) -> (Vec<u8>, Option<Value>) {
        (self, None)
    }
}

impl JobReturn for Value {
    fn into_parts(self) -> (Vec<u8>, Option<Value>) {
        (Vec::new(), Some(self))
    }
}

/// An executor that calls a function. It takes any config. Cancel, timeout and shutdown drop the future.
pub(crate) struct FunctionExecutor<F> {
    job_type: String,
    function: Arc<F>,
}

impl<F> FunctionExecutor<F> {
    pub(crate) fn new(job_type: impl Into<String>, function: F) -> Self {
        Self { job_type: job_type.into(), function: Arc::new(function) }
    }
}

impl<F, Fut, R> Executor for FunctionExecutor<F>
where
    F: Fn(RunContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, JobError>> + Send + 'static,
    R: JobReturn,
{
    fn job_type(&self) -> &str {
        &self.job_type
    }

    fn validate(&self, _config: &Map<String, Value>) -> Result<(), Vec<FieldError>> {
        Ok(())
    }

    fn summary(&self, _config: &Map<String, Value>) -> String {
        self.job_type.clone()
    }

    fn run(&self, context: RunContext) -> RunFuture {
        let function = Arc::clone(&self.function);
        Box::pin(async move {
            let output = context.output.clone();
            match function(context).await {
                Ok(returned) => succeeded(returned, &output).await,
                Err(error) => AttemptOutcome::failed(Reason::Failure, chain(error.as_ref())),
            }
        })
    }
}

async fn succeeded(returned: impl JobReturn, output: &OutputWriter) -> AttemptOutcome {
    let (text, result) = returned.into_parts();
    output.write(OutputStream::Stdout, text).await;
    AttemptOutcome { result, ..AttemptOutcome::success() }
}

/// An error with everything that caused it, in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _infallible = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}
