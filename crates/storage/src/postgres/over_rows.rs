//! Written-out statements turned into statements over many rows, and several of those into one.

use super::column::Column;
use super::gathered::malformed;
use crate::connection::AnyConnection;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};

/// A statement that does for all rows what the written-out one does for one. The rows are bound between its halves.
pub(super) struct OverRows {
    /// The table that it changes.
    table: &'static str,
    /// Whether it sees what others changed, and so has to come after them.
    sees: bool,
    /// Whether it holds what everybody wants, and so goes on its own where others follow.
    is_wanted: bool,
    before: String,
    columns: Vec<Column>,
    after: String,
}

impl OverRows {
    pub(super) fn new(parts: &[&'static str], columns: Vec<Column>) -> QueryResult<Self> {
        let table = table_of(parts.first().copied().unwrap_or_default());
        let table = table.ok_or_else(|| malformed("no table"))?;
        let has = |word: &str| parts.iter().any(|part| part.contains(word));
        let (sees, is_wanted) = (has("SELECT "), has("DO UPDATE"));
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
            return Ok(Self { table, sees, is_wanted, before, columns, after: format!("{rows}{rest}") });
        }
        let joined = if text.starts_with("DELETE") { "USING" } else { "FROM" };
        let (what, condition) = text.rsplit_once(" WHERE ").ok_or_else(|| malformed("no condition"))?;
        let before = format!("{what} {joined} unnest(");
        Ok(Self { table, sees, is_wanted, before, columns, after: format!("{rows} WHERE {condition}") })
    }
}

/// The table that a statement changes, by how it begins.
fn table_of(beginning: &'static str) -> Option<&'static str> {
    let mut words = beginning.split(' ');
    match words.next()? {
        "UPDATE" => words.next(),
        "INSERT" | "DELETE" => words.nth(1),
        _ => None,
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
            column.bind(&mut out)?;
        }
        out.push_sql(&self.after);
        Ok(())
    }
}

/// Statements that go to the server as one, each beside the others: none sees what another does, so each has a table of
/// its own. What refers to a row of another is looked at when all of them are done.
#[derive(Default)]
pub(super) struct Together {
    statements: Vec<OverRows>,
}

impl Together {
    /// Sends it, unless there is nothing to send.
    pub(super) fn write(self, conn: &mut AnyConnection) -> QueryResult<()> {
        let AnyConnection::Postgres(conn) = conn else {
            return Err(malformed("rows are gathered for a server only"));
        };
        if !self.statements.is_empty() {
            self.execute(conn)?;
        }
        Ok(())
    }

    /// Whether this one may go along with others of a transaction that goes on.
    pub(super) fn may_take(&self, next: &OverRows) -> bool {
        // What everybody wants goes with its like, after all others.
        self.statements.iter().all(|known| known.is_wanted == next.is_wanted) && self.can_take(next)
    }

    /// Whether this one can go along.
    pub(super) fn can_take(&self, next: &OverRows) -> bool {
        self.statements.iter().all(|known| !known.sees && !next.sees && known.table != next.table)
    }

    pub(super) fn take(&mut self, next: OverRows) {
        self.statements.push(next);
    }
}

impl QueryId for Together {
    type QueryId = ();
    // Statements are told apart by their texts.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Pg> for Together {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let Some((last, others)) = self.statements.split_last() else { return Ok(()) };
        for (index, other) in others.iter().enumerate() {
            out.push_sql(if index == 0 { "WITH of_" } else { ", of_" });
            out.push_sql(other.table);
            out.push_sql(" AS (");
            other.walk_ast(out.reborrow())?;
            out.push_sql(if index + 1 == others.len() { ") " } else { ")" });
        }
        last.walk_ast(out)
    }
}

impl RunQueryDsl<PgConnection> for Together {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::{self, Bind, Statement};

    statement::statement!(Insert, "INSERT INTO t (a, b, c) VALUES (?, 'x', ?) ON CONFLICT (a) DO NOTHING");
    statement::statement!(Update, "UPDATE t SET a = ?, b = coalesce(?, b) WHERE c = ? AND d = 'y'");
    statement::statement!(Delete, "DELETE FROM t WHERE a = ? AND b = ?");
    statement::statement!(Other, "DELETE FROM u WHERE a = ?");
    statement::statement!(Third, "INSERT INTO w (a) VALUES (?)");
    statement::statement!(Counter, "INSERT INTO n (a) VALUES (?) ON CONFLICT (a) DO UPDATE SET a = 1");
    statement::statement!(Seeing, "DELETE FROM z WHERE a = (SELECT b FROM y WHERE c = ?)");

    fn over<S: Statement>(values: &[Bind<'_>]) -> OverRows {
        OverRows::new(S::PARTS, values.iter().map(|value| column(*value)).collect()).unwrap()
    }

    fn column(value: Bind<'_>) -> Column {
        let mut column = Column::of(value);
        column.add(value).unwrap();
        column
    }

    #[test]
    fn statements_about_different_tables_become_one() {
        let mut together = Together::default();
        for statement in
            [over::<Other>(&[1.into()]), over::<Third>(&["x".into()]), over::<Insert>(&[2.into(), 3.into()])]
        {
            assert!(together.may_take(&statement));
            together.take(statement);
        }
        assert_eq!(
            diesel::debug_query::<Pg, _>(&together).to_string(),
            "WITH of_u AS (DELETE FROM u USING unnest($1::bigint[]) AS v(a1) WHERE a = v.a1), \
             of_w AS (INSERT INTO w (a) SELECT v.a1 FROM unnest($2::text[]) AS v(a1)) \
             INSERT INTO t (a, b, c) SELECT v.a1, 'x', v.a2 FROM unnest($3::bigint[], $4::bigint[]) AS v(a1, a2) \
             ON CONFLICT (a) DO NOTHING -- binds: [1 of Number, 1 of Text, 1 of Number, 1 of Number]"
        );
        assert!(
            !together.may_take(&over::<Delete>(&[1.into(), 2.into()])),
            "it may be about a row of the insert"
        );
        assert!(together.can_take(&over::<Counter>(&[1.into()])), "where nothing follows");
        assert!(!together.can_take(&over::<Seeing>(&[1.into()])), "it would not see what the others do");
        assert!(!together.can_take(&over::<Delete>(&[1.into(), 2.into()])));
        for alone in [over::<Counter>(&[1.into()]), over::<Seeing>(&[1.into()])] {
            assert!(!together.may_take(&alone));
            let mut before = Together::default();
            assert!(before.may_take(&alone));
            before.take(alone);
            assert!(!before.may_take(&over::<Other>(&[1.into()])));
        }
    }

    fn text<S: Statement>(values: &[Bind<'_>]) -> String {
        let mut rows = over::<S>(values);
        for (column, value) in rows.columns.iter_mut().zip(values) {
            column.add(*value).unwrap();
        }
        diesel::debug_query::<Pg, _>(&rows).to_string()
    }

    #[test]
    fn a_statement_of_one_row_becomes_one_of_many() {
        assert_eq!(
            text::<Insert>(&[7.into(), "z".into()]),
            "INSERT INTO t (a, b, c) SELECT v.a1, 'x', v.a2 FROM unnest($1::bigint[], $2::text[]) AS v(a1, a2) \
             ON CONFLICT (a) DO NOTHING -- binds: [2 of Number, 2 of Text]"
        );
        assert_eq!(
            text::<Update>(&[true.into(), Bind::Text(None), 7.into()]),
            "UPDATE t SET a = v.a1, b = coalesce(v.a2, b) \
             FROM unnest($1::boolean[], $2::text[], $3::bigint[]) AS v(a1, a2, a3) \
             WHERE c = v.a3 AND d = 'y' \
             -- binds: [2 of Flag, 2 of Text, 2 of Number]"
        );
        assert_eq!(
            text::<Delete>(&[7.into(), 8.into()]),
            "DELETE FROM t USING unnest($1::bigint[], $2::bigint[]) AS v(a1, a2) WHERE a = v.a1 AND b = v.a2 \
             -- binds: [2 of Number, 2 of Number]"
        );
    }
}
