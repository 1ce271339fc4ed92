//! Aligned columns of text.

use unicode_width::UnicodeWidthStr;

use crate::event::is_obeyed;

/// Space between two columns.
const GAP: &str = "  ";

/// Rows of cells, the first of which are the columns' names.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows below its head.
    pub(super) fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|name| (*name).to_owned()).collect()] }
    }

    /// Adds a row. Characters that a terminal would obey are replaced.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let shown = |cell: String| cell.replace(is_obeyed, "\u{fffd}");
        self.rows.push(cells.into_iter().map(shown).collect());
    }

    /// The lines, each as wide as it needs.
    pub(super) fn lines(&self) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.width()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let line = |row: &Vec<String>| {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', width - cell.width()));
                line.push_str(GAP);
            }
            line.trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_harmless() {
        let mut table = Table::new(&["NAME", "TEXT", "SIZE"]);
        table.row(["a".to_owned(), "日本".to_owned(), "1".to_owned()]);
        table.row(["longer".to_owned(), "x\u{1b}[2J".to_owned(), String::new()]);
        assert_eq!(
            table.lines(),
            ["NAME    TEXT   SIZE", "a       日本   1", "longer  x\u{fffd}[2J"]
        );
    }
}
