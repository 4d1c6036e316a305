//! Results on stdout: one trait for everything that can be shown, so that every format works everywhere.

use crate::failure::Failure;
use crate::output::{ListPrinter, Look, escape_controls, escape_in_json, is_harmful};
use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;
use std::io::{self, Write};

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// A JSON document.
    Json,
    /// A YAML document.
    Yaml,
    /// `job/ID`, one per line.
    Name,
}

/// A result that can be shown by itself.
pub(crate) trait Record: Serialize {
    /// What it is: `job`.
    const KIND: &'static str;

    /// What names it.
    fn id(&self) -> &str;
    /// Its fields for people.
    fn fields(&self, look: &Look) -> Vec<(&'static str, String)>;
}

/// A result that is also shown as a line of a list.
pub(crate) trait Row: Record {
    /// The names of the columns. The last one may be long.
    const COLUMNS: &'static [&'static str];

    /// The cells, as many as there are columns.
    fn cells(&self, look: &Look) -> Vec<String>;
    /// The status, by which the line is coloured.
    fn status(&self) -> &str;
}

/// Writes results.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    /// The format.
    pub(crate) format: Format,
    /// Whether only ids are written.
    pub(crate) is_quiet: bool,
    /// How things look in tables.
    pub(crate) look: Look,
}

impl Printer {
    /// Writes a result.
    pub(crate) fn one<T: Record>(&self, record: &T) -> Result<(), Failure> {
        self.write(&self.text_of(record)?)
    }

    /// Begins a list.
    pub(crate) fn list<T: Row>(&self) -> ListPrinter<'_, T> {
        ListPrinter::new(self)
    }

    /// Writes text as it is.
    pub(crate) fn write(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        Ok(stdout.flush()?)
    }

    /// Writes a value as a document, in YAML if that was asked for and else in JSON.
    pub(crate) fn document<T: Serialize>(&self, value: &T) -> Result<(), Failure> {
        self.write(&self.document_text(value)?)
    }

    /// The text of such a document.
    pub(crate) fn document_text<T: Serialize>(&self, value: &T) -> Result<String, Failure> {
        match self.format {
            Format::Yaml => yaml(value),
            _ => Ok(json(value)? + "\n"),
        }
    }

    /// A result in the format that was asked for.
    pub(crate) fn text_of<T: Record>(&self, record: &T) -> Result<String, Failure> {
        Ok(match self.format {
            Format::Json => json(record)? + "\n",
            Format::Yaml => yaml(record)?,
            Format::Name => format!("{}/{}\n", T::KIND, escape_controls(record.id())),
            Format::Table if self.is_quiet => format!("{}\n", escape_controls(record.id())),
            Format::Table => block(&record.fields(&self.look)),
        })
    }
}

/// A value as JSON for people and programs, harmless for a terminal.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, Failure> {
    match serde_json::to_string_pretty(value) {
        Ok(text) => Ok(escape_in_json(&text).into_owned()),
        Err(error) => Err(Failure::local("the result cannot be written as JSON", &error)),
    }
}

/// A value as YAML, with its line end, harmless for a terminal.
pub(crate) fn yaml<T: Serialize>(value: &T) -> Result<String, Failure> {
    let text = serde_saphyr::to_string(value)
        .map_err(|error| Failure::local("the result cannot be written as YAML", &error))?;
    if text.chars().any(|c| is_harmful(c) && c != '\n') {
        return flow_yaml(value);
    }
    Ok(if text.ends_with('\n') { text } else { text + "\n" })
}

/// The flow style of YAML, which is JSON: there every character can be escaped. The items of a list stay items
/// of a list, so that more can follow.
fn flow_yaml<T: Serialize>(value: &T) -> Result<String, Failure> {
    let value = serde_json::to_value(value)
        .map_err(|error| Failure::local("the result cannot be written as YAML", &error))?;
    let text = match &value {
        Value::Array(items) => items.iter().map(|item| format!("- {item}\n")).collect(),
        value => format!("{value}\n"),
    };
    Ok(escape_in_json(&text).into_owned())
}

/// Fields one below the other. Those without a value are left out.
fn block(fields: &[(&'static str, String)]) -> String {
    let fields: Vec<_> = fields.iter().filter(|(_, value)| !value.is_empty()).collect();
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 1;
    let line = |(name, value): &&(&str, String)| {
        format!("{:<width$}  {}\n", format!("{name}:"), escape_controls(value))
    };
    fields.iter().map(line).collect()
}
