//! What can go wrong inside, and what callers are told of it.
//!
//! Diesel hides SQLite's result codes except for constraint violations: everything else is
//! `DatabaseErrorKind::Unknown` with the text of `sqlite3_errmsg`. That text is `sqlite3_errstr` of the code for
//! the errors that matter here (they come from the file system, not from SQL), so it is what is compared.

use crate::error::Source;
use crate::postgres::connect::ServerError;
use crate::{AccessRefusal, Refusal, StoreError};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use std::sync::Arc;

/// A stored value that no version of the program writes: the file was altered or is damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unexpected value in {place}: {detail}")]
pub(crate) struct RowError {
    /// Table and column.
    pub(crate) place: &'static str,
    /// What is wrong with it.
    pub(crate) detail: String,
}

/// Why a write request did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// The domain refuses it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A stored value makes no sense.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DieselError),
    /// The request's own code panicked.
    #[error("a write request panicked: {0}")]
    Panicked(String),
}

impl From<AccessRefusal> for WriteError {
    fn from(refusal: AccessRefusal) -> Self {
        Self::Refused(refusal.into())
    }
}

impl WriteError {
    /// Of what a panic carries.
    pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        Self::Panicked(text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default())
    }
}

impl From<WriteError> for StoreError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(refusal) => Self::Refused(refusal),
            WriteError::Row(row) => row.into(),
            WriteError::Panicked(_) => Self::Unavailable(source(error)),
            WriteError::Database(error) => error.into(),
        }
    }
}

/// What SQLite's message says happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Constraint,
    Full,
    Corrupt,
    Other,
}

fn cause(error: &DieselError) -> Cause {
    // After a commit that failed there is nothing left to roll back, which Diesel reports beside the cause.
    if let DieselError::RollbackErrorOnCommit { commit_error, .. } = error {
        return cause(commit_error);
    }
    let DieselError::DatabaseError(kind, information) = error else { return Cause::Other };
    if !matches!(kind, DatabaseErrorKind::Unknown) {
        return Cause::Constraint;
    }
    let message = information.message();
    if message.contains("constraint failed") {
        return Cause::Constraint;
    }
    match message {
        "database or disk is full" => Cause::Full,
        // A server passes on what its system says.
        _ if message.contains("No space left on device") => Cause::Full,
        "database disk image is malformed" | "file is not a database" => Cause::Corrupt,
        _ if message.starts_with("malformed database schema") => Cause::Corrupt,
        _ => Cause::Other,
    }
}

/// Whether SQLite says that the file is damaged or none of its own.
pub(crate) fn is_damage(error: &DieselError) -> bool {
    cause(error) == Cause::Corrupt
}

/// Whether SQLite says that there is no room.
pub(crate) fn is_full(error: &DieselError) -> bool {
    cause(error) == Cause::Full
}

/// Whether SQLite says that it may not write the file, or the files that it keeps beside it.
pub(crate) fn is_read_only(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(_, information)
        if information.message() == "attempt to write a readonly database")
}

/// Whether a unique value of this column is taken. SQLite names the column, a server the index, which is named by it.
pub(crate) fn is_taken(error: &DieselError, column: &str) -> bool {
    let DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, information) = error else {
        return false;
    };
    match information.constraint_name() {
        Some(index) => index.starts_with(&column.replace('.', "_")),
        None => information.message().contains(column),
    }
}

impl StoreError {
    /// Whether the server takes reads only, as a replica does: nothing was written.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        let Self::Unavailable(why) = self else { return false };
        let mut why: &(dyn std::error::Error + 'static) = why.as_ref();
        loop {
            if let Some(error) = why.downcast_ref::<Self>() {
                return error.is_read_only();
            }
            let is_refused = |error: &DieselError| {
                matches!(error, DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _))
            };
            if why.downcast_ref::<DieselError>().is_some_and(is_refused)
                || matches!(why.downcast_ref::<ServerError>(), Some(ServerError::ReadOnly))
            {
                return true;
            }
            let Some(next) = why.source() else { return false };
            why = next;
        }
    }
}

fn source(error: impl std::error::Error + Send + Sync + 'static) -> Source {
    Arc::new(error)
}

/// A text of several lines, as libpq ends and breaks its own, on one.
pub(crate) fn in_one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The same error with a text of one line. What libpq itself says has several, and nothing but its text.
pub(crate) fn on_one_line(error: DieselError) -> DieselError {
    match error {
        DieselError::DatabaseError(kind, said) if said.message().contains('\n') => {
            DieselError::DatabaseError(kind, Box::new(in_one_line(said.message())))
        }
        DieselError::RollbackErrorOnCommit { rollback_error, commit_error } => {
            DieselError::RollbackErrorOnCommit {
                rollback_error: Box::new(on_one_line(*rollback_error)),
                commit_error: Box::new(on_one_line(*commit_error)),
            }
        }
        error => error,
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        let error = on_one_line(error);
        match cause(&error) {
            Cause::Full => Self::Full(source(error)),
            Cause::Corrupt => Self::Corrupt(source(error)),
            Cause::Constraint | Cause::Other => Self::Unavailable(source(error)),
        }
    }
}

impl From<RowError> for StoreError {
    fn from(error: RowError) -> Self {
        Self::Corrupt(source(error))
    }
}

/// How a failed request is dealt with.
#[derive(Debug)]
pub(crate) enum Consequence {
    /// Only this request is answered with it; the rest of the group goes on.
    Alone(StoreError),
    /// The whole group ends, because SQLite may have rolled all of it back.
    Group(StoreError),
}

impl From<WriteError> for Consequence {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(refusal) => Self::Alone(StoreError::Refused(refusal)),
            WriteError::Row(row) => Self::Alone(row.into()),
            WriteError::Panicked(_) => Self::Alone(StoreError::Unavailable(source(error))),
            WriteError::Database(error) if cause(&error) == Cause::Constraint => {
                Self::Alone(StoreError::Unavailable(source(error)))
            }
            WriteError::Database(error) => Self::Group(error.into()),
        }
    }
}

/// The answer to everybody in a group whose commit failed.
///
/// When the disk is full the outcome is known. In WAL mode `SQLITE_FULL` comes only from a write of frames to the
/// log that was cut short (a sync, or making the log's index longer, fails with `SQLITE_IOERR`). The last frame of
/// a transaction carries the commit mark and is written last; up to it the chain of checksums is incomplete, so
/// recovery takes none of the frames, and the next transaction overwrites them, because the log's index was not
/// moved on. (Frames after the one with the mark are padding, which SQLite writes only with `psow=0`.) A checkpoint
/// after the commit does not make it fail.
pub(crate) fn commit_failed(error: DieselError) -> StoreError {
    match cause(&error) {
        Cause::Full => StoreError::Full(source(error)),
        Cause::Constraint | Cause::Corrupt | Cause::Other => StoreError::OutcomeUnknown(source(error)),
    }
}

/// The answer to everybody in a group whose commit failed on a server. What the server itself says of a commit is that it
/// undid it; when it said nothing, the outcome is not known.
pub(crate) fn server_commit_failed(error: DieselError) -> StoreError {
    let error = on_one_line(error);
    let told = match &error {
        DieselError::RollbackErrorOnCommit { commit_error, .. } => commit_error.as_ref(),
        other => other,
    };
    match told {
        DieselError::DatabaseError(
            DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::SerializationFailure
            | DatabaseErrorKind::ReadOnlyTransaction
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation,
            _,
        ) => StoreError::Unavailable(source(error)),
        _ => StoreError::OutcomeUnknown(source(error)),
    }
}

/// The connection to a server failed before anything was committed.
pub(crate) fn disconnected(error: DieselError) -> StoreError {
    StoreError::Unavailable(source(on_one_line(error)))
}

/// An error of the pool or of opening a connection.
pub(crate) fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(source(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(message: &str) -> DieselError {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()))
    }

    #[test]
    fn messages_of_sqlite_become_the_errors_of_the_store() {
        assert!(matches!(unknown("database or disk is full").into(), StoreError::Full(_)));
        assert!(matches!(unknown("database disk image is malformed").into(), StoreError::Corrupt(_)));
        assert!(matches!(unknown("file is not a database").into(), StoreError::Corrupt(_)));
        assert!(matches!(unknown("disk I/O error").into(), StoreError::Unavailable(_)));
        assert!(matches!(unknown("database is locked").into(), StoreError::Unavailable(_)));
        assert!(matches!(commit_failed(unknown("disk I/O error")), StoreError::OutcomeUnknown(_)));
        let full = || DieselError::RollbackErrorOnCommit {
            rollback_error: Box::new(unknown("cannot rollback - no transaction is active")),
            commit_error: Box::new(unknown("database or disk is full")),
        };
        assert!(matches!(commit_failed(full()), StoreError::Full(_)));
        assert!(matches!(full().into(), StoreError::Full(_)));
    }

    #[test]
    fn what_libpq_says_in_several_lines_is_told_on_one() {
        let said = "server closed the connection unexpectedly\n\tThis probably means trouble.\n";
        let told = "server closed the connection unexpectedly This probably means trouble.";
        assert_eq!(on_one_line(unknown(said)).to_string(), told);
        for error in [unknown(said).into(), server_commit_failed(unknown(said)), disconnected(unknown(said))]
        {
            let source = std::error::Error::source(&error).unwrap().to_string();
            assert_eq!(source, told);
        }
    }

    #[test]
    fn a_server_that_only_reads_is_told_from_one_that_does_not_answer() {
        let only_reads = unavailable(ServerError::ReadOnly);
        assert!(only_reads.is_read_only());
        assert!(
            StoreError::Unavailable(Arc::new(only_reads)).is_read_only(),
            "as told while it is not connected"
        );
        let refused = || {
            let said = Box::new("cannot execute INSERT in a read-only transaction".to_owned());
            DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, said)
        };
        assert!(StoreError::from(refused()).is_read_only() && server_commit_failed(refused()).is_read_only());
        assert!(!StoreError::from(unknown("disk I/O error")).is_read_only());
        assert!(!StoreError::Overloaded.is_read_only());
    }

    #[test]
    fn only_refusals_constraints_and_panics_are_answered_alone() {
        let constraint = unknown("UNIQUE constraint failed: api_keys.id");
        assert!(matches!(WriteError::from(constraint).into(), Consequence::Alone(_)));
        assert!(matches!(WriteError::Panicked("x".to_owned()).into(), Consequence::Alone(_)));
        assert!(matches!(WriteError::from(unknown("disk I/O error")).into(), Consequence::Group(_)));
        assert!(matches!(WriteError::from(DieselError::NotFound).into(), Consequence::Group(_)));
    }
}
