//! Statements of many requests that are sent as one: each row of a group would otherwise cost a way to the server and
//! back. The text of a written-out statement is the same on both databases; here it is turned into one over all rows.

use crate::connection::AnyConnection;
use crate::statement::{Bind, Statement};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};
use std::any::TypeId;

/// The values of one place of a statement, of all its rows.
#[derive(Debug)]
enum Column {
    Numbers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Flags(Vec<Option<bool>>),
    Bytes(Vec<Vec<u8>>),
}

impl Column {
    fn of(value: Bind<'_>) -> Self {
        match value {
            Bind::Number(_) => Self::Numbers(Vec::new()),
            Bind::Text(_) => Self::Texts(Vec::new()),
            Bind::Flag(_) => Self::Flags(Vec::new()),
            Bind::Bytes(_) => Self::Bytes(Vec::new()),
        }
    }

    fn add(&mut self, value: Bind<'_>) -> QueryResult<()> {
        match (self, value) {
            (Self::Numbers(values), Bind::Number(value)) => values.push(value),
            (Self::Texts(values), Bind::Text(value)) => values.push(value.map(str::to_owned)),
            (Self::Flags(values), Bind::Flag(value)) => values.push(value),
            (Self::Bytes(values), Bind::Bytes(value)) => values.push(value.to_vec()),
            _ => return Err(malformed("a value of another type than in the row before")),
        }
        Ok(())
    }

    fn truncate(&mut self, rows: usize) {
        match self {
            Self::Numbers(values) => values.truncate(rows),
            Self::Texts(values) => values.truncate(rows),
            Self::Flags(values) => values.truncate(rows),
            Self::Bytes(values) => values.truncate(rows),
        }
    }
}

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

fn malformed(what: &str) -> diesel::result::Error {
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

    /// Writes all of it.
    pub(crate) fn write(&mut self, conn: &mut AnyConnection) -> QueryResult<()> {
        let AnyConnection::Postgres(conn) = conn else {
            return Err(malformed("rows are gathered for a server only"));
        };
        for statement in self.statements.drain(..).filter(|statement| statement.rows > 0) {
            OverRows::new(statement.parts, statement.columns)?.execute(conn)?;
        }
        Ok(())
    }
}

/// A statement that does for all rows what the written-out one does for one. The rows are bound between its halves.
struct OverRows {
    before: String,
    columns: Vec<Column>,
    after: String,
}

impl OverRows {
    fn new(parts: &[&str], columns: Vec<Column>) -> QueryResult<Self> {
        let names: Vec<String> = (1..=columns.len()).map(|number| format!("a{number}")).collect();
        let mut text = parts.first().copied().unwrap_or_default().to_owned();
        for (name, part) in names.iter().zip(parts.iter().skip(1)) {
            text.push_str("v.");
            text.push_str(name);
            text.push_str(part);
        }
        let rows = format!(") AS v({})", names.join(", "));
        if let Some((into, values)) = text.split_once(" VALUES (") {
            let (values, rest) = match values.find(") ON CONFLICT") {
                Some(end) => values.split_at(end),
                None => values.split_at(values.rfind(')').unwrap_or_default()),
            };
            let rest = rest.strip_prefix(')').ok_or_else(|| malformed("values without an end"))?;
            let before = format!("{into} SELECT {values} FROM unnest(");
            return Ok(Self { before, columns, after: format!("{rows}{rest}") });
        }
        let joined = if text.starts_with("DELETE") { "USING" } else { "FROM" };
        let (what, condition) = text.rsplit_once(" WHERE ").ok_or_else(|| malformed("no condition"))?;
        let before = format!("{what} {joined} unnest(");
        Ok(Self { before, columns, after: format!("{rows} WHERE {condition}") })
    }
}

impl QueryId for OverRows {
    type QueryId = ();
    // Statements are told apart by their texts.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Pg> for OverRows {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(&self.before);
        for (index, column) in self.columns.iter().enumerate() {
            if index > 0 {
                out.push_sql(", ");
            }
            match column {
                Column::Numbers(values) => {
                    out.push_bind_param::<Array<Nullable<BigInt>>, Vec<Option<i64>>>(values)?;
                    out.push_sql("::bigint[]");
                }
                Column::Texts(values) => {
                    out.push_bind_param::<Array<Nullable<Text>>, Vec<Option<String>>>(values)?;
                    out.push_sql("::text[]");
                }
                Column::Flags(values) => {
                    out.push_bind_param::<Array<Nullable<Bool>>, Vec<Option<bool>>>(values)?;
                    out.push_sql("::boolean[]");
                }
                Column::Bytes(values) => {
                    out.push_bind_param::<Array<Binary>, Vec<Vec<u8>>>(values)?;
                    out.push_sql("::bytea[]");
                }
            }
        }
        out.push_sql(&self.after);
        Ok(())
    }
}

impl RunQueryDsl<PgConnection> for OverRows {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement;

    statement::statement!(Insert, "INSERT INTO t (a, b, c) VALUES (?, 'x', ?) ON CONFLICT (a) DO NOTHING");
    statement::statement!(Update, "UPDATE t SET a = ?, b = coalesce(?, b) WHERE c = ? AND d = 'y'");
    statement::statement!(Delete, "DELETE FROM t WHERE a = ? AND b = ?");

    fn text<S: Statement>(values: &[Bind<'_>]) -> String {
        let mut gathered = Gathered::default();
        gathered.add::<S>(values).unwrap();
        gathered.add::<S>(values).unwrap();
        let OfStatement { parts, columns, .. } = gathered.statements.pop().unwrap();
        diesel::debug_query::<Pg, _>(&OverRows::new(parts, columns).unwrap()).to_string()
    }

    #[test]
    fn a_statement_of_one_row_becomes_one_of_many() {
        assert_eq!(
            text::<Insert>(&[7.into(), "z".into()]),
            "INSERT INTO t (a, b, c) SELECT v.a1, 'x', v.a2 FROM unnest($1::bigint[], $2::text[]) AS v(a1, a2) \
             ON CONFLICT (a) DO NOTHING -- binds: [[Some(7), Some(7)], [Some(\"z\"), Some(\"z\")]]"
        );
        assert_eq!(
            text::<Update>(&[true.into(), Bind::Text(None), 7.into()]),
            "UPDATE t SET a = v.a1, b = coalesce(v.a2, b) \
             FROM unnest($1::boolean[], $2::text[], $3::bigint[]) AS v(a1, a2, a3) \
             WHERE c = v.a3 AND d = 'y' \
             -- binds: [[Some(true), Some(true)], [None, None], [Some(7), Some(7)]]"
        );
        assert_eq!(
            text::<Delete>(&[7.into(), 8.into()]),
            "DELETE FROM t USING unnest($1::bigint[], $2::bigint[]) AS v(a1, a2) WHERE a = v.a1 AND b = v.a2 \
             -- binds: [[Some(7), Some(7)], [Some(8), Some(8)]]"
        );
    }

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
        assert!(
            matches!(&columns[..], [Column::Numbers(a), Column::Numbers(b)] if a == &[Some(1)] && b == &[Some(2)])
        );
    }

    #[test]
    fn rows_of_different_shapes_are_refused() {
        let mut gathered = Gathered::default();
        gathered.add::<Delete>(&[1.into(), 2.into()]).unwrap();
        assert!(gathered.add::<Delete>(&[1.into()]).is_err());
        assert!(gathered.add::<Delete>(&["1".into(), 2.into()]).is_err());
    }
}
