//! Statements that are written out, so that they are prepared once and used again.
//!
//! Diesel prepares every `UPDATE` and every `sql_query` of its own anew (`unsafe_to_cache_prepared`), which costs
//! more than running one by key. The updates of the hot path therefore come from here, with bound values and
//! Diesel's own cache of prepared statements.
//!
//! For the same reason single rows are read with `get_result` and not with `first`, which adds `LIMIT ?`: since
//! 3.47 SQLite plans by the value bound there and prepares the statement anew whenever one is bound.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel::sqlite::{Sqlite, SqliteConnection};
use std::marker::PhantomData;

/// The text of a statement, with a `?` for each value.
pub(crate) trait Statement: 'static {
    const SQL: &'static str;
}

/// A value to be bound.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bind<'a> {
    Number(Option<i64>),
    Text(Option<&'a str>),
    Flag(bool),
}

impl From<i64> for Bind<'_> {
    fn from(value: i64) -> Self {
        Self::Number(Some(value))
    }
}

impl From<Option<i64>> for Bind<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Number(value)
    }
}

impl<'a> From<&'a str> for Bind<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<Option<&'a str>> for Bind<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value)
    }
}

impl From<bool> for Bind<'_> {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}

struct Bound<'a, S> {
    values: &'a [Bind<'a>],
    statement: PhantomData<S>,
}

impl<S: Statement> QueryId for Bound<'_, S> {
    type QueryId = Bound<'static, S>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<S: Statement> QueryFragment<Sqlite> for Bound<'_, S> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let mut values = self.values.iter();
        for (index, part) in S::SQL.split('?').enumerate() {
            if index > 0 {
                match values.next() {
                    Some(Bind::Number(value)) => {
                        out.push_bind_param::<Nullable<BigInt>, Option<i64>>(value)?;
                    }
                    Some(Bind::Text(value)) => {
                        out.push_bind_param::<Nullable<Text>, Option<&str>>(value)?;
                    }
                    Some(Bind::Flag(value)) => out.push_bind_param::<Bool, bool>(value)?,
                    None => return Err(wrong_count(S::SQL)),
                }
            }
            out.push_sql(part);
        }
        match values.next() {
            Some(_) => Err(wrong_count(S::SQL)),
            None => Ok(()),
        }
    }
}

fn wrong_count(sql: &str) -> diesel::result::Error {
    diesel::result::Error::QueryBuilderError(format!("wrong number of values for `{sql}`").into())
}

impl<S: Statement> RunQueryDsl<SqliteConnection> for Bound<'_, S> {}

/// Runs a statement; answers how many rows it changed.
pub(crate) fn run<S: Statement>(conn: &mut SqliteConnection, values: &[Bind<'_>]) -> QueryResult<usize> {
    Bound::<S> { values, statement: PhantomData }.execute(conn)
}
