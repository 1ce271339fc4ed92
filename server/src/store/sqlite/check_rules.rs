//! Rules of tables as queries, for the checks of lists and of contents.

use rusqlite::{Connection, Result};

/// A rule of the tables, and the query for the rows that break it, by number.
pub(super) struct Rule {
    /// What is wrong with a row that breaks the rule, for the operator.
    pub(super) defect: &'static str,
    /// The query, whose only column is the number.
    pub(super) sql: &'static str,
}

/// Calls `see` for each row that breaks one of the rules, with its defect and number.
///
/// # Errors
///
/// The file cannot be read.
pub(super) fn broken(
    db: &Connection,
    rules: &[Rule],
    mut see: impl FnMut(&'static str, i64),
) -> Result<()> {
    for Rule { defect, sql } in rules {
        let mut select = db.prepare(sql)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            see(defect, row.get(0)?);
        }
    }
    Ok(())
}

/// For tests: a database of the present schema with these rows.
#[cfg(test)]
pub(super) fn database(rows: &[&str]) -> Connection {
    use super::schema::Schema;

    let db = Connection::open_in_memory().unwrap();
    for sql in Schema::PRESENT.steps.iter().chain(rows) {
        db.execute_batch(sql).unwrap();
    }
    db
}
