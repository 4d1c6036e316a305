//! Lists of any length, written page by page as one document.

use crate::failure::Failure;
use crate::output::printer::{json, yaml};
use crate::output::table::Table;
use crate::output::{Format, Printer, Row, escape_controls};
use std::marker::PhantomData;

/// Writes a list.
pub(crate) struct ListPrinter<'a, T> {
    printer: &'a Printer,
    rows: usize,
    row: PhantomData<T>,
}

impl<'a, T: Row> ListPrinter<'a, T> {
    pub(crate) fn new(printer: &'a Printer) -> Self {
        Self { printer, rows: 0, row: PhantomData }
    }

    /// Writes more rows.
    pub(crate) fn page(&mut self, rows: &[T]) -> Result<(), Failure> {
        if rows.is_empty() {
            return Ok(());
        }
        let text = self.add(rows)?;
        self.printer.write(&text)
    }

    /// The text of more rows.
    pub(crate) fn add(&mut self, rows: &[T]) -> Result<String, Failure> {
        let text = self.text_of(rows)?;
        self.rows += rows.len();
        Ok(text)
    }

    /// Ends the list and says how many rows it had.
    pub(crate) fn end(self) -> Result<usize, Failure> {
        self.printer.write(self.closing())?;
        Ok(self.rows)
    }

    /// The text after the last row.
    pub(crate) fn closing(&self) -> &'static str {
        match (self.printer.format, self.rows) {
            (Format::Json | Format::Yaml, 0) => "[]\n",
            (Format::Json, _) => "\n]\n",
            _ => "",
        }
    }

    fn text_of(&self, rows: &[T]) -> Result<String, Failure> {
        let ids = |prefix: String| -> String {
            rows.iter().map(|row| format!("{prefix}{}\n", escape_controls(row.id()))).collect()
        };
        match self.printer.format {
            Format::Json => self.json(rows),
            Format::Yaml => yaml(&rows),
            Format::Name => Ok(ids(format!("{}/", T::KIND))),
            Format::Table if self.printer.is_quiet => Ok(ids(String::new())),
            Format::Table => Ok(self.table(rows)),
        }
    }

    /// The elements of an array that was begun before the first and is closed by [`Self::end`].
    fn json(&self, rows: &[T]) -> Result<String, Failure> {
        let mut text = String::new();
        for (index, row) in rows.iter().enumerate() {
            text.push_str(if self.rows + index == 0 { "[\n  " } else { ",\n  " });
            text.push_str(&json(row)?.replace('\n', "\n  "));
        }
        Ok(text)
    }

    fn table(&self, rows: &[T]) -> String {
        let mut table = Table::new(T::COLUMNS, self.printer.look.has_color);
        for row in rows {
            table.add(row.cells(&self.printer.look), row.status());
        }
        table.text(self.rows == 0)
    }
}
