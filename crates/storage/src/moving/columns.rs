//! The columns of a table as the schema has them: their names, and what they hold.

use diesel::Column;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A whole number.
    Number,
    /// Yes or no.
    Flag,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct ColumnInfo {
    /// Its name.
    pub(super) name: &'static str,
    /// What it holds.
    pub(super) kind: Kind,
    /// Whether it may be empty.
    pub(super) is_nullable: bool,
}

/// A type that columns have.
pub(super) trait Stored {
    /// What it holds.
    const KIND: Kind;
    /// Whether it may be empty.
    const IS_NULLABLE: bool = false;
}

impl Stored for BigInt {
    const KIND: Kind = Kind::Number;
}

impl Stored for Bool {
    const KIND: Kind = Kind::Flag;
}

impl Stored for Text {
    const KIND: Kind = Kind::Text;
}

impl Stored for Binary {
    const KIND: Kind = Kind::Bytes;
}

impl<ST: Stored> Stored for Nullable<ST> {
    const KIND: Kind = ST::KIND;
    const IS_NULLABLE: bool = true;
}

/// The columns of a table, in the order of the schema.
pub(super) trait Columns {
    /// All of them.
    fn list() -> Vec<ColumnInfo>;
}

/// Of every number of columns that a table has.
macro_rules! columns_of_tuples {
    () => {};
    ($first:ident $($rest:ident)*) => {
        impl<$first, $($rest),*> Columns for ($first, $($rest,)*)
        where
            $first: Column,
            $first::SqlType: Stored,
            $($rest: Column, $rest::SqlType: Stored,)*
        {
            fn list() -> Vec<ColumnInfo> {
                vec![info::<$first>(), $(info::<$rest>()),*]
            }
        }
        columns_of_tuples!($($rest)*);
    };
}

columns_of_tuples!(A B C D E F G H I J K L M N O P Q R S T U V W X Y Z);

fn info<C: Column>() -> ColumnInfo
where
    C::SqlType: Stored,
{
    ColumnInfo { name: C::NAME, kind: C::SqlType::KIND, is_nullable: C::SqlType::IS_NULLABLE }
}
