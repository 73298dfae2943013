//! Tables of text for the terminal.

use std::fmt;

/// Rows under a heading, with columns as wide as their widest cell. The first column is aligned left, the
/// others right, as numbers are read.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(heading: &[&str]) -> Self {
        Self { rows: vec![heading.iter().map(|cell| (*cell).to_owned()).collect()] }
    }

    /// Adds a row, with one cell for each of the heading.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell: &String| cell.chars().count()).max()
        };
        (0..columns).map(|column| width(column).unwrap_or(0)).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for (index, row) in self.rows.iter().enumerate() {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => write!(f, "  {cell:<width$}")?,
                    _ => write!(f, "   {cell:>width$}")?,
                }
            }
            writeln!(f)?;
            if index == 0 {
                let total = widths.iter().sum::<usize>() + 3 * widths.len().saturating_sub(1);
                writeln!(f, "  {}", "─".repeat(total))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fit_their_widest_cell_and_numbers_align_right() {
        let mut table = Table::new(&["size", "µs"]);
        table.row(["64 B".to_owned(), "7".to_owned()]);
        table.row(["1 KiB".to_owned(), "1234".to_owned()]);
        let lines = ["  size      µs", "  ────────────", "  64 B       7", "  1 KiB   1234", ""];
        assert_eq!(table.to_string(), lines.join("\n"));
    }
}
