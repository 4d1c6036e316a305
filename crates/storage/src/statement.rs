//! Statements that are written out, so that they are prepared once and used again.
//!
//! Diesel prepares every `UPDATE` and every `sql_query` of its own anew (`unsafe_to_cache_prepared`), which costs
//! more than running one by key. The updates of the hot path therefore come from here, with bound values and
//! Diesel's own cache of prepared statements.
//! Rows of the hot path are inserted in the same way: Diesel walks through an insert of its own twice, with every column
//! that it names, which takes longer than SQLite takes to insert the row.
//!
//! For the first reason single rows are read with `get_result` and not with `first`, which adds `LIMIT ?`: since
//! 3.47 SQLite plans by the value bound there and prepares the statement anew whenever one is bound.

use crate::connection::AnyConnection;
use crate::postgres::gathered::Gathered;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text, Untyped};
use diesel::sqlite::{Sqlite, SqliteConnection};
use std::marker::PhantomData;

/// A statement that is written out.
pub(crate) trait Statement: 'static {
    /// Its text, cut where the values belong.
    const PARTS: &'static [&'static str];
}

/// Names a statement by its text, which has a `?` for each value.
macro_rules! statement {
    ($name:ident, $sql:expr) => {
        enum $name {}

        impl $crate::statement::Statement for $name {
            const PARTS: &'static [&'static str] =
                &$crate::statement::split::<{ $crate::statement::count_parts($sql) }>($sql);
        }
    };
}
pub(crate) use statement;

/// Into how many parts a text is cut.
pub(crate) const fn count_parts(sql: &str) -> usize {
    let (mut rest, mut count) = (sql.as_bytes(), 1);
    while let [first, after @ ..] = rest {
        if *first == b'?' {
            count += 1;
        }
        rest = after;
    }
    count
}

/// Cuts a text at each `?`, when the program is compiled.
#[expect(clippy::indexing_slicing, reason = "a wrong index does not compile")]
pub(crate) const fn split<const N: usize>(sql: &'static str) -> [&'static str; N] {
    let mut parts = [""; N];
    let (mut rest, mut part, mut length) = (sql, 0, 0);
    while part + 1 < N {
        let (before, after) = rest.split_at(length);
        match after.as_bytes().first() {
            Some(b'?') => {
                parts[part] = before;
                rest = after.split_at(1).1;
                (part, length) = (part + 1, 0);
            }
            _ => length += 1,
        }
    }
    parts[part] = rest;
    parts
}

/// A value to be bound.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bind<'a> {
    Number(Option<i64>),
    Text(Option<&'a str>),
    Flag(Option<bool>),
    Bytes(&'a [u8]),
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
        Self::Flag(Some(value))
    }
}

impl From<Option<bool>> for Bind<'_> {
    fn from(value: Option<bool>) -> Self {
        Self::Flag(value)
    }
}

impl<'a> From<&'a [u8]> for Bind<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(value)
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

/// The text and the values for one database. Through the type for either one Diesel would put the text together anew
/// whenever a statement runs.
macro_rules! run_on {
    ($backend:ty, $connection:ty) => {
        impl<S: Statement> QueryFragment<$backend> for Bound<'_, S> {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, $backend>) -> QueryResult<()> {
                let Some((last, parts)) =
                    S::PARTS.split_last().filter(|(_, parts)| parts.len() == self.values.len())
                else {
                    return Err(wrong_count(&S::PARTS.join("?")));
                };
                for (part, value) in parts.iter().zip(self.values) {
                    out.push_sql(part);
                    match value {
                        Bind::Number(value) => out.push_bind_param::<Nullable<BigInt>, Option<i64>>(value)?,
                        Bind::Text(value) => out.push_bind_param::<Nullable<Text>, Option<&str>>(value)?,
                        Bind::Flag(value) => out.push_bind_param::<Nullable<Bool>, Option<bool>>(value)?,
                        Bind::Bytes(value) => out.push_bind_param::<Binary, &[u8]>(value)?,
                    }
                }
                out.push_sql(last);
                Ok(())
            }
        }

        impl<S: Statement> RunQueryDsl<$connection> for Bound<'_, S> {}
    };
}

run_on!(Sqlite, SqliteConnection);
run_on!(Pg, PgConnection);

impl<S: Statement> Query for Bound<'_, S> {
    type SqlType = Untyped;
}

/// Runs a statement that answers rows, on a server.
pub(crate) fn rows_of<S: Statement, U>(conn: &mut PgConnection, values: &[Bind<'_>]) -> QueryResult<Vec<U>>
where
    U: QueryableByName<Pg> + 'static,
{
    Bound::<S> { values, statement: PhantomData }.load(conn)
}

fn wrong_count(sql: &str) -> diesel::result::Error {
    diesel::result::Error::QueryBuilderError(format!("wrong number of values for `{sql}`").into())
}

/// What runs statements: at once, or together with others of the group.
pub(crate) trait Target {
    /// Runs a statement; answers how many rows it changed.
    fn run<S: Statement>(&mut self, values: &[Bind<'_>]) -> QueryResult<usize>;

    /// Whether rows are clustered by what they are read by, as in a file.
    fn is_clustered(&self) -> bool;
}

impl Target for AnyConnection {
    fn run<S: Statement>(&mut self, values: &[Bind<'_>]) -> QueryResult<usize> {
        let bound = Bound::<S> { values, statement: PhantomData };
        match self {
            Self::Sqlite(conn) => bound.execute(conn),
            Self::Postgres(conn) => bound.execute(conn),
        }
    }

    fn is_clustered(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }
}

/// Rows to be written within a group: those of its requests that run together are gathered.
pub(crate) struct Rows<'a> {
    pub(crate) conn: &'a mut AnyConnection,
    pub(crate) gathered: Option<&'a mut Gathered>,
}

impl Target for Rows<'_> {
    fn run<S: Statement>(&mut self, values: &[Bind<'_>]) -> QueryResult<usize> {
        match &mut self.gathered {
            Some(gathered) => gathered.add::<S>(values),
            None => self.conn.run::<S>(values),
        }
    }

    fn is_clustered(&self) -> bool {
        self.conn.is_clustered()
    }
}

/// Runs a statement; answers how many rows it changed. One that is gathered counts as if it changed the row that it is
/// about: the row was locked and read before.
pub(crate) fn run<S: Statement>(target: &mut impl Target, values: &[Bind<'_>]) -> QueryResult<usize> {
    target.run::<S>(values)
}
