//! Statements of many requests that are sent as one: each row of a group would otherwise cost a way to the server and
//! back.

use super::column::Column;
use super::over_rows::{OverRows, Together};
use crate::connection::AnyConnection;
use crate::statement::{Bind, Statement};
use diesel::prelude::*;
use std::any::TypeId;

/// The rows of one statement.
#[derive(Debug)]
struct OfStatement {
    statement: TypeId,
    parts: &'static [&'static str],
    columns: Vec<Column>,
    rows: usize,
}

/// What is to be written, by statement in the order in which each was first run. Requests that are gathered together
/// are about different jobs, so that the order among their rows does not matter.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    statements: Vec<OfStatement>,
}

/// What had been gathered at some moment.
#[derive(Debug)]
pub(crate) struct Mark(Vec<usize>);

pub(super) fn malformed(what: &str) -> diesel::result::Error {
    diesel::result::Error::QueryBuilderError(what.into())
}

impl Gathered {
    /// Adds a row.
    pub(crate) fn add<S: Statement>(&mut self, values: &[Bind<'_>]) -> QueryResult<usize> {
        let statement = TypeId::of::<S>();
        let known = self.statements.iter().position(|known| known.statement == statement);
        let index = known.unwrap_or(self.statements.len());
        if known.is_none() {
            let columns = values.iter().map(|value| Column::of(*value)).collect();
            self.statements.push(OfStatement { statement, parts: S::PARTS, columns, rows: 0 });
        }
        let Some(of_statement) = self.statements.get_mut(index) else { return Ok(0) };
        if of_statement.columns.len() != values.len() {
            return Err(malformed("another number of values than in the row before"));
        }
        for (column, value) in of_statement.columns.iter_mut().zip(values) {
            column.add(*value)?;
        }
        of_statement.rows += 1;
        Ok(1)
    }

    /// What is gathered now.
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.statements.iter().map(|statement| statement.rows).collect())
    }

    /// Forgets what was gathered since.
    pub(crate) fn forget_since(&mut self, mark: &Mark) {
        self.statements.truncate(mark.0.len());
        for (statement, rows) in self.statements.iter_mut().zip(&mark.0) {
            statement.rows = *rows;
            statement.columns.iter_mut().for_each(|column| column.truncate(*rows));
        }
    }

    /// All of it as one statement; `None` where it takes several.
    pub(super) fn take_as_one(&mut self) -> QueryResult<Option<Together>> {
        let mut together = Together::default();
        for statement in self.statements.drain(..).filter(|statement| statement.rows > 0) {
            let statement = OverRows::new(statement.parts, statement.columns)?;
            if !together.can_take(&statement) {
                return Ok(None);
            }
            together.take(statement);
        }
        Ok(Some(together))
    }

    /// Writes all of it.
    pub(crate) fn write(&mut self, conn: &mut AnyConnection) -> QueryResult<()> {
        let mut together = Together::default();
        for statement in self.statements.drain(..).filter(|statement| statement.rows > 0) {
            let statement = OverRows::new(statement.parts, statement.columns)?;
            if !together.may_take(&statement) {
                std::mem::take(&mut together).write(conn)?;
            }
            together.take(statement);
        }
        together.write(conn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement;

    statement::statement!(Insert, "INSERT INTO t (a, b, c) VALUES (?, 'x', ?) ON CONFLICT (a) DO NOTHING");
    statement::statement!(Delete, "DELETE FROM t WHERE a = ? AND b = ?");

    #[test]
    fn what_a_request_gathered_before_it_was_refused_is_forgotten() {
        let mut gathered = Gathered::default();
        gathered.add::<Delete>(&[1.into(), 2.into()]).unwrap();
        let mark = gathered.mark();
        gathered.add::<Delete>(&[3.into(), 4.into()]).unwrap();
        gathered.add::<Insert>(&[3.into(), "z".into()]).unwrap();
        gathered.forget_since(&mark);
        let OfStatement { rows, columns, .. } = gathered.statements.pop().unwrap();
        assert_eq!((rows, gathered.statements.len()), (1, 0));
        let mut again = Gathered::default();
        again.add::<Delete>(&[1.into(), 2.into()]).unwrap();
        assert_eq!(columns, again.statements[0].columns);
    }

    #[test]
    fn rows_of_different_shapes_are_refused() {
        let mut gathered = Gathered::default();
        gathered.add::<Delete>(&[1.into(), 2.into()]).unwrap();
        assert!(gathered.add::<Delete>(&[1.into()]).is_err());
        assert!(gathered.add::<Delete>(&["1".into(), 2.into()]).is_err());
    }
}
