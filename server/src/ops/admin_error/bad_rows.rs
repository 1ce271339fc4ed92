//! Rows of a file of people that are wrong.

use std::fmt;

/// A row that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Its line in the file, from 1.
    pub line: u64,
    /// What is wrong.
    pub problem: String,
}

/// Most wrong rows that are named.
const BAD_ROWS_MAX: usize = 1000;

/// Rows that are wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BadRows {
    /// The first of them, at most 1,000.
    pub rows: Vec<BadRow>,
    /// Whether these are all.
    pub extent: Extent,
}

/// Whether all wrong rows are named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// All are named.
    #[default]
    Whole,
    /// Further rows are not named.
    First,
}

impl BadRows {
    /// Adds a row, as long as there is room.
    pub(in crate::ops) fn add(&mut self, row: BadRow) {
        match self.rows.len() < BAD_ROWS_MAX {
            true => self.rows.push(row),
            false => self.extent = Extent::First,
        }
    }
}

impl fmt::Display for BadRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            write!(f, "\n  line {}: {}", row.line, row.problem)?;
        }
        match self.extent {
            Extent::Whole => Ok(()),
            Extent::First => write!(f, "\n  and more after the first {BAD_ROWS_MAX}"),
        }
    }
}
