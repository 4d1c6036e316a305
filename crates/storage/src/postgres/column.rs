//! The values of one place of a statement, of all its rows, as they go to the server: each would otherwise be copied
//! and allocated on its own, and there are some forty of each job.
//!
//! The form is that of [arrays](https://github.com/postgres/postgres/blob/REL_15_STABLE/src/backend/utils/adt/arrayfuncs.c#L1266)
//! with one dimension: its header, and the length and the bytes of each element, everything in network order.

use super::gathered::malformed;
use crate::statement::Bind;
use diesel::pg::{Pg, PgMetadataLookup};
use diesel::prelude::*;
use diesel::query_builder::AstPass;
use diesel::serialize::{IsNull, Output, Result as Serialized, ToSql};
use diesel::sql_types::{Array, BigInt, Binary, Bool, HasSqlType, Nullable, Text};
use std::io::Write as _;

/// What stands in place of the length where there is no value.
const NULL: i32 = -1;
const LENGTH_BYTES: usize = size_of::<i32>();
const DIMENSIONS: i32 = 1;
const LOWER_BOUND: i32 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    Flag,
    Bytes,
}

/// The values of one place of a statement.
#[derive(PartialEq, Eq)]
pub(super) struct Column {
    kind: Kind,
    rows: usize,
    has_null: bool,
    elements: Vec<u8>,
}

/// Without the values: they may be secret.
impl std::fmt::Debug for Column {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} of {:?}", self.rows, self.kind)
    }
}

impl Column {
    /// An empty one, for values like this.
    pub(super) fn of(value: Bind<'_>) -> Self {
        let kind = match value {
            Bind::Number(_) => Kind::Number,
            Bind::Text(_) => Kind::Text,
            Bind::Flag(_) => Kind::Flag,
            Bind::Bytes(_) => Kind::Bytes,
        };
        Self { kind, rows: 0, has_null: false, elements: Vec::new() }
    }

    /// Adds the value of the next row.
    pub(super) fn add(&mut self, value: Bind<'_>) -> QueryResult<()> {
        match (self.kind, value) {
            (Kind::Number, Bind::Number(value)) => self.push(value.map(i64::to_be_bytes)),
            (Kind::Text, Bind::Text(value)) => self.push(value.map(str::as_bytes)),
            (Kind::Flag, Bind::Flag(value)) => self.push(value.map(|value| [u8::from(value)])),
            (Kind::Bytes, Bind::Bytes(value)) => self.push(Some(value)),
            _ => Err(malformed("a value of another type than in the row before")),
        }
    }

    fn push(&mut self, value: Option<impl AsRef<[u8]>>) -> QueryResult<()> {
        let bytes = value.as_ref().map(AsRef::as_ref);
        let length = bytes.map_or(Ok(NULL), |bytes| i32::try_from(bytes.len()));
        let length = length.map_err(|_too_large| malformed("a value that is too large"))?;
        self.elements.extend_from_slice(&length.to_be_bytes());
        self.elements.extend_from_slice(bytes.unwrap_or_default());
        self.has_null |= bytes.is_none();
        self.rows += 1;
        Ok(())
    }

    /// Leaves only the first rows.
    pub(super) fn truncate(&mut self, rows: usize) {
        // Where nothing was added, as to most columns when a request is refused, the many before are not gone through.
        if rows >= self.rows {
            return;
        }
        let mut end = 0;
        for _ in 0..rows {
            let length = self.elements.get(end..).and_then(|rest| rest.first_chunk::<LENGTH_BYTES>());
            let length = length.map_or(0, |length| usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0));
            end += LENGTH_BYTES + length;
        }
        self.elements.truncate(end);
        self.rows = rows;
    }

    /// Binds all of it as an array.
    pub(super) fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let sql_type = match self.kind {
            Kind::Number => {
                out.push_bind_param::<Array<Nullable<BigInt>>, Self>(self)?;
                "::bigint[]"
            }
            Kind::Text => {
                out.push_bind_param::<Array<Nullable<Text>>, Self>(self)?;
                "::text[]"
            }
            Kind::Flag => {
                out.push_bind_param::<Array<Nullable<Bool>>, Self>(self)?;
                "::boolean[]"
            }
            Kind::Bytes => {
                out.push_bind_param::<Array<Nullable<Binary>>, Self>(self)?;
                "::bytea[]"
            }
        };
        out.push_sql(sql_type);
        Ok(())
    }

    fn write(&self, element_oid: u32, out: &mut Output<'_, '_, Pg>) -> Serialized {
        out.write_all(&DIMENSIONS.to_be_bytes())?;
        out.write_all(&i32::from(self.has_null).to_be_bytes())?;
        out.write_all(&element_oid.to_be_bytes())?;
        out.write_all(&i32::try_from(self.rows)?.to_be_bytes())?;
        out.write_all(&LOWER_BOUND.to_be_bytes())?;
        out.write_all(&self.elements)?;
        Ok(IsNull::No)
    }
}

impl<T> ToSql<Array<T>, Pg> for Column
where
    Pg: HasSqlType<T>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> Serialized {
        let lookup: &mut dyn PgMetadataLookup = out.metadata_lookup();
        let element_oid = <Pg as HasSqlType<T>>::metadata(lookup).oid()?;
        self.write(element_oid, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_forgotten_whatever_they_are() {
        let of = |values: &[Option<&str>]| {
            let mut column = Column::of(Bind::Text(None));
            values.iter().for_each(|value| column.add(Bind::Text(*value)).unwrap());
            column
        };
        let mut column = of(&[Some("one"), Some(""), None, Some("four")]);
        column.truncate(9);
        assert!(column == of(&[Some("one"), Some(""), None, Some("four")]));
        column.truncate(3);
        assert!(column == of(&[Some("one"), Some(""), None]));
        column.truncate(1);
        assert_eq!((column.rows, column.elements.len()), (1, LENGTH_BYTES + 3));
        column.add("two".into()).unwrap();
        column.truncate(0);
        assert_eq!((column.rows, column.elements.len()), (0, 0));
    }

    #[test]
    fn no_value_is_shown() {
        let mut column = Column::of("".into());
        column.add("hunter2".into()).unwrap();
        assert_eq!(format!("{column:?}"), "1 of Text");
    }
}
