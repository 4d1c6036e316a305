//! Tables: one line per row, ids never cut, harmless text, the status in colour.

use crate::output::escape_controls;
use comfy_table::{Cell, Color, ColumnConstraint, ContentArrangement, Width, presets};

/// Widths that hold from page to page, so that the pages of a long list line up.
const WIDTHS: &[(&str, u16)] = &[("STATUS", 9), ("TYPE", 5), ("WHEN", 14), ("STARTED", 14), ("REASON", 11)];

/// A table under construction.
pub(crate) struct Table {
    table: comfy_table::Table,
    columns: &'static [&'static str],
    has_color: bool,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(columns: &'static [&'static str], has_color: bool) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        if has_color {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        Self { table, columns, has_color }
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, cells: Vec<String>, status: &str) {
        let color = self.has_color.then(|| color_of(status)).flatten();
        let cell = |(text, column): (String, &&str)| {
            let cell = Cell::new(escape_controls(&text));
            match color.filter(|_| *column == "STATUS") {
                Some(color) => cell.fg(color),
                None => cell,
            }
        };
        self.table.add_row(cells.into_iter().zip(self.columns).map(cell));
    }

    /// The text, with the names of the columns where they are wanted.
    pub(crate) fn text(mut self, has_header: bool) -> String {
        if has_header {
            self.table.set_header(self.columns);
        }
        for (index, name) in self.columns.iter().enumerate() {
            let Some(column) = self.table.column_mut(index) else { continue };
            column.set_padding((0, 2));
            if let Some((_, width)) = WIDTHS.iter().find(|(known, _)| known == name) {
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width + 2)));
            }
        }
        self.table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

fn color_of(status: &str) -> Option<Color> {
    match status {
        "completed" => Some(Color::Green),
        "failed" | "missed" => Some(Color::Red),
        "running" => Some(Color::Cyan),
        "held" | "cancelled" => Some(Color::Yellow),
        _ => None,
    }
}
