//! Rows that a statement returned.

use postgres_types::FromSql;

use crate::store::postgres::error::QueryError;

/// The result of one statement.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    affected: u64,
}

impl Rows {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        0
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of rows that the statement inserted, updated, deleted or selected.
    #[must_use]
    pub fn affected(&self) -> u64 {
        self.affected
    }

    /// The rows in their order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.len()).map(|index| Row { rows: self, index })
    }

    /// The first row.
    #[must_use]
    pub fn first(&self) -> Option<Row<'_>> {
        self.iter().next()
    }
}

/// A row.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    #[allow(dead_code)]
    rows: &'a Rows,
    #[allow(dead_code)]
    index: usize,
}

impl<'a> Row<'a> {
    /// The value of a column, counted from 0.
    ///
    /// # Errors
    ///
    /// There is no such column, or its value is of another type: [`QueryError::Fatal`].
    pub fn get<T: FromSql<'a>>(&self, _index: usize) -> Result<T, QueryError> {
        Err(QueryError::Fatal("not built yet".into()))
    }
}
