//! The values of a row: as they are read from a file, whatever they are, and as they are written to a server.

use super::columns::{ColumnInfo, Kind};
use diesel::deserialize::{self, QueryableByName};
use diesel::row::{Field as _, NamedRow, Row};
use diesel::sqlite::{Sqlite, SqliteType};
use ring::digest::{SHA256, digest};
use std::fmt::Write as _;

/// What stands for what a server's text cannot hold.
const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Number(i64),
    Flag(bool),
    /// And whether something in it had to be replaced.
    Text(String, bool),
    Bytes(Vec<u8>),
    /// A number that is not a whole one.
    Real,
}

/// The values of a row of a file, as they are: SQLite keeps any value in any column.
#[derive(Debug)]
pub(super) struct Cells(pub(super) Vec<Cell>);

impl QueryableByName<Sqlite> for Cells {
    fn build<'a>(row: &impl NamedRow<'a, Sqlite>) -> deserialize::Result<Self> {
        Ok(Self((0..row.field_count()).map(|index| read(row, index)).collect()))
    }
}

fn read<'a>(row: &impl NamedRow<'a, Sqlite>, index: usize) -> Cell {
    let Some(field) = Row::get(row, index) else { return Cell::Null };
    let Some(mut value) = field.value() else { return Cell::Null };
    match value.value_type() {
        None => Cell::Null,
        Some(SqliteType::Text) => {
            // Diesel replaces what is not UTF-8: then the bytes say whether it did.
            let text = value.read_text();
            match text.contains(REPLACEMENT) {
                false => without_zeros(text.to_owned()),
                true => repaired(value.read_blob().to_vec()),
            }
        }
        Some(SqliteType::Binary) => Cell::Bytes(value.read_blob().to_vec()),
        Some(SqliteType::Float | SqliteType::Double) => Cell::Real,
        Some(SqliteType::SmallInt | SqliteType::Integer | SqliteType::Long) => {
            Cell::Number(value.read_long())
        }
    }
}

fn without_zeros(text: String) -> Cell {
    match text.contains('\0') {
        true => Cell::Text(text.replace('\0', "\u{FFFD}"), true),
        false => Cell::Text(text, false),
    }
}

fn repaired(bytes: Vec<u8>) -> Cell {
    match String::from_utf8(bytes) {
        Ok(text) => without_zeros(text),
        Err(error) => Cell::Text(String::from_utf8_lossy(error.as_bytes()).replace('\0', "\u{FFFD}"), true),
    }
}

impl Cell {
    /// The value as one of this column, or what it is instead.
    pub(super) fn of(self, column: &ColumnInfo) -> Result<Self, &'static str> {
        match (column.kind, self) {
            (_, Self::Null) if column.is_nullable => Ok(Self::Null),
            (Kind::Flag, Self::Number(number)) => Ok(Self::Flag(number != 0)),
            (Kind::Number, cell @ Self::Number(_))
            | (Kind::Text, cell @ Self::Text(..))
            | (Kind::Bytes, cell @ Self::Bytes(_)) => Ok(cell),
            (_, Self::Null) => Err("nothing"),
            (_, Self::Number(_) | Self::Flag(_)) => Err("a number"),
            (_, Self::Text(..)) => Err("text"),
            (_, Self::Bytes(_)) => Err("bytes"),
            (_, Self::Real) => Err("a fraction"),
        }
    }

    /// Its size, about.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text, _) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            _ => 8,
        }
    }

    fn append_to(&self, copy: &mut Vec<u8>) {
        let mut append = |bytes: &[u8]| {
            copy.extend(i32::try_from(bytes.len()).unwrap_or(i32::MAX).to_be_bytes());
            copy.extend(bytes);
        };
        match self {
            Self::Null | Self::Real => copy.extend((-1_i32).to_be_bytes()),
            Self::Number(number) => append(&number.to_be_bytes()),
            Self::Flag(flag) => append(&[u8::from(*flag)]),
            Self::Text(text, _) => append(text.as_bytes()),
            Self::Bytes(bytes) => append(bytes),
        }
    }

    fn describe_in(&self, row: &mut String) {
        // Writing to a text does not fail.
        let _written = match self {
            Self::Null | Self::Real => write!(row, "-,"),
            Self::Number(number) => write!(row, "{number},"),
            Self::Flag(flag) => write!(row, "{flag},"),
            Self::Text(text, _) => write!(row, "{}:{text},", text.len()),
            Self::Bytes(bytes) => write!(row, "{}:{},", bytes.len(), hex(digest(&SHA256, bytes).as_ref())),
        };
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _written = write!(text, "{byte:02x}");
        text
    })
}

/// The header of the binary format of `COPY` (<https://www.postgresql.org/docs/current/sql-copy.html>), without flags.
const COPY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const COPY_END: [u8; 2] = (-1_i16).to_be_bytes();

/// Rows in the binary format of `COPY`.
pub(super) fn copy_format(rows: &[Vec<Cell>]) -> Vec<u8> {
    let mut copy = COPY_HEADER.to_vec();
    for row in rows {
        copy.extend(i16::try_from(row.len()).unwrap_or(i16::MAX).to_be_bytes());
        row.iter().for_each(|cell| cell.append_to(&mut copy));
    }
    copy.extend(COPY_END);
    copy
}

/// The first seven bytes of the checksum of a row, as a number: [`checksum_sql`] in the program.
pub(super) fn checksum(row: &[Cell]) -> u64 {
    let mut text = String::new();
    row.iter().for_each(|cell| cell.describe_in(&mut text));
    let sum = digest(&SHA256, text.as_bytes());
    sum.as_ref().iter().take(7).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// [`checksum`] in the language of a server.
pub(super) fn checksum_sql(columns: &[ColumnInfo]) -> String {
    let parts: Vec<_> = columns.iter().map(described_sql).collect();
    format!(
        "('x' || left(encode(sha256(convert_to(concat({}), 'UTF8')), 'hex'), 14))::bit(56)::bigint",
        parts.join(", ")
    )
}

fn described_sql(column: &ColumnInfo) -> String {
    let name = column.name;
    let text = match column.kind {
        Kind::Number | Kind::Flag => format!("\"{name}\"::text"),
        Kind::Text => format!("octet_length(\"{name}\") || ':' || \"{name}\""),
        Kind::Bytes => format!("octet_length(\"{name}\") || ':' || encode(sha256(\"{name}\"), 'hex')"),
    };
    format!("coalesce({text}, '-'), ','")
}
