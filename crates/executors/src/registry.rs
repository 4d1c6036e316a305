//! The job types that this process can run.

use crate::Executor;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A job type that is not registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no job type `{job_type}`: this server has {known}")]
pub struct UnknownJobType {
    /// The type that was asked for.
    pub job_type: String,
    /// The types there are, comma separated.
    pub known: String,
}

/// Executors by the name of their type.
#[derive(Clone, Default)]
pub struct Registry {
    executors: BTreeMap<String, Arc<dyn Executor>>,
}

impl Registry {
    /// A registry without any type.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an executor; one of the same type is replaced.
    pub fn register(&mut self, executor: impl Executor) {
        self.executors.insert(executor.job_type().to_owned(), Arc::new(executor));
    }

    /// Switches a type off.
    pub fn remove(&mut self, job_type: &str) {
        self.executors.remove(job_type);
    }

    /// The executor of a type.
    ///
    /// # Errors
    /// [`UnknownJobType`] with the types there are.
    pub fn get(&self, job_type: &str) -> Result<&Arc<dyn Executor>, UnknownJobType> {
        self.executors.get(job_type).ok_or_else(|| UnknownJobType {
            job_type: job_type.chars().take(64).collect(),
            known: self.job_types().collect::<Vec<_>>().join(", "),
        })
    }

    /// The names of all types, sorted.
    pub fn job_types(&self) -> impl Iterator<Item = &str> {
        self.executors.keys().map(String::as_str)
    }
}
