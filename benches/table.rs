//! Tables in Markdown, aligned, ready for `docs/performance.md`.

use std::io::{self, Write as _};

/// A table that grows by rows.
#[derive(Debug, Clone, Default)]
pub struct Table {
    title: String,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with its column names.
    #[must_use]
    pub fn new<C: Into<String>>(title: impl Into<String>, columns: impl IntoIterator<Item = C>) -> Self {
        Self { title: title.into(), rows: vec![columns.into_iter().map(Into::into).collect()] }
    }

    /// Adds a row.
    pub fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Writes the table to standard output.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn print(&self) -> io::Result<()> {
        say(&self.to_string())
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cell = |row: &Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                self.rows.iter().map(|row| cell(row, column).chars().count()).max().unwrap_or(0).max(3)
            })
            .collect();
        writeln!(formatter, "\n### {}\n", self.title)?;
        for (index, row) in self.rows.iter().enumerate() {
            for (column, width) in widths.iter().enumerate() {
                let text = cell(row, column);
                match column {
                    0 => write!(formatter, "| {text:<width$} ")?,
                    _ => write!(formatter, "| {text:>width$} ")?,
                }
            }
            writeln!(formatter, "|")?;
            if index == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let dashes = "-".repeat(*width);
                    match column {
                        0 => write!(formatter, "|:{dashes}-")?,
                        _ => write!(formatter, "|-{dashes}:")?,
                    }
                }
                writeln!(formatter, "|")?;
            }
        }
        Ok(())
    }
}

/// Writes a line to standard output.
///
/// # Errors
/// When standard output is closed.
pub fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// A figure with about three digits.
#[must_use]
pub fn figure(value: f64) -> String {
    let digits = match value.abs() {
        magnitude if magnitude < 0.095 => 2,
        magnitude if magnitude < 99.5 => 1,
        _ => 0,
    };
    let plain = format!("{value:.digits$}");
    let Some((whole, fraction)) = plain.split_once('.').or(Some((plain.as_str(), ""))) else {
        return plain;
    };
    let grouped = group(whole);
    if fraction.is_empty() { grouped } else { format!("{grouped}.{fraction}") }
}

/// Thousands, set apart.
fn group(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len() - index;
        if index > 0 && left.is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A ratio.
#[must_use]
pub fn ratio(value: f64) -> String {
    format!("{value:.2}×")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_about_three_digits() {
        for (value, expected) in [(0.04, "0.04"), (7.25, "7.2"), (250.4, "250"), (12_345.6, "12,346")] {
            assert_eq!(figure(value), expected);
        }
    }

    #[test]
    fn a_table_is_aligned() {
        let mut table = Table::new("T", ["name", "ns"]);
        table.row(["floor", "1"]);
        assert_eq!(table.to_string(), "\n### T\n\n| name  |  ns |\n|:------|----:|\n| floor |   1 |\n");
    }
}
