//! A job's output: its stdout to stdout and its stderr to stderr, or a list of its pieces.

use crate::failure::Failure;
use crate::output::{Format, ListPrinter, Look, Printer, Record, Row};
use oneoff_api_types::OutputChunkView;
use oneoff_client::chunk_bytes;
use std::io::{self, Write};

impl Record for OutputChunkView {
    const KIND: &'static str = "chunk";

    fn id(&self) -> &str {
        &self.at
    }

    fn fields(&self, _look: &Look) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

impl Row for OutputChunkView {
    const COLUMNS: &'static [&'static str] = &[];

    fn cells(&self, _look: &Look) -> Vec<String> {
        Vec::new()
    }

    fn status(&self) -> &str {
        ""
    }
}

/// Where the pieces of an output go.
pub(crate) enum ChunkSink<'a> {
    /// As they were written.
    Raw,
    /// As a JSON or YAML list.
    List(ListPrinter<'a, OutputChunkView>),
}

impl<'a> ChunkSink<'a> {
    /// The sink of a format.
    pub(crate) fn new(printer: &'a Printer) -> Self {
        match printer.format {
            Format::Json | Format::Yaml => Self::List(printer.list()),
            Format::Table | Format::Name => Self::Raw,
        }
    }

    /// Writes pieces.
    pub(crate) fn write(&mut self, chunks: &[OutputChunkView]) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.page(chunks),
            Self::Raw => chunks.iter().try_for_each(write_raw),
        }
    }

    /// Ends the output.
    pub(crate) fn end(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.end().map(drop),
            Self::Raw => Ok(()),
        }
    }
}

fn write_raw(chunk: &OutputChunkView) -> Result<(), Failure> {
    let bytes = chunk_bytes(chunk);
    if chunk.stream == "stdout" {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&bytes)?;
        return Ok(stdout.flush()?);
    }
    Ok(io::stderr().lock().write_all(&bytes)?)
}
