//! Everything that is printed: results on stdout in four formats, all else on stderr.

mod chunks;
mod escape;
#[cfg(test)]
mod format_tests;
mod list;
mod look;
mod notes;
mod printer;
mod records;
mod table;

pub(crate) use chunks::ChunkSink;
pub(crate) use escape::{escape_controls, escape_in_json, is_harmful};
pub(crate) use list::ListPrinter;
pub(crate) use look::{Look, Times, echo};
pub(crate) use notes::Notes;
pub(crate) use printer::{Format, Printer, Record, Row};
pub(crate) use records::{CommandLine, Deleted, VersionView};
