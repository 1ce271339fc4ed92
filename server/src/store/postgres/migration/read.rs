//! Reads the tables in the order of their keys, page by page.

use postgres_types::ToSql;

use super::{
    error::PostgresMigrationError,
    running::renew_deadline,
    select::{PageEnd, select},
};
use crate::store::{
    migration::{
        BatchLimits, MigrationNumbers, MigrationRow, MigrationSettings, MigrationTable,
        MigrationValue, ValueKind,
    },
    postgres::{
        connection::{Connection, Row},
        error::QueryError,
    },
};

/// A connection to a database whose store is read as a whole.
#[derive(Debug)]
pub struct PostgresMigrationReader<'a>(pub(super) &'a mut Connection);

impl PostgresMigrationReader<'_> {
    /// Rows of a table after a key; empty after the last one.
    ///
    /// # Errors
    ///
    /// See [`PostgresMigrationError`].
    pub fn page(
        &mut self,
        table: MigrationTable,
        after: &[MigrationValue],
        limits: BatchLimits,
    ) -> Result<Vec<MigrationRow>, PostgresMigrationError> {
        renew_deadline(self.0);
        let key = match after {
            [] => table.key().iter().filter_map(|column| lowest(table, *column)).collect(),
            after => after.to_vec(),
        };
        let rows = i64::from(limits.rows);
        let bytes = i64::try_from(limits.bytes).unwrap_or(i64::MAX);
        let mut params: Vec<&(dyn ToSql + Sync)> = key.iter().filter_map(param).collect();
        params.push(&rows);
        let (statement, end) = select(table);
        if end == PageEnd::RowsOrBytes {
            params.push(&bytes);
        }
        let rows = self.0.query(statement, &params)?;
        Ok(rows.iter().map(|row| read(table, &row)).collect::<Result<_, _>>()?)
    }

    /// The values of the table `meta`.
    ///
    /// # Errors
    ///
    /// See [`PostgresMigrationError`].
    pub fn settings(&mut self) -> Result<MigrationSettings, PostgresMigrationError> {
        renew_deadline(self.0);
        let statement = statement!("SELECT retention_day, retention_days FROM meta");
        let rows = self.0.query(statement, &[])?;
        let row = rows.one()?;
        Ok(MigrationSettings { retention_day: row.get(0)?, retention_days: row.get(1)? })
    }

    /// The highest numbers that were given, above which new ones are given.
    ///
    /// # Errors
    ///
    /// See [`PostgresMigrationError`].
    pub fn numbers(&mut self) -> Result<MigrationNumbers, PostgresMigrationError> {
        renew_deadline(self.0);
        let statement = statement!(
            "SELECT coalesce(pg_sequence_last_value('mail_seq'::regclass), 0),
                coalesce(pg_sequence_last_value(
                    pg_get_serial_sequence('content', 'id')::regclass), 0),
                coalesce(pg_sequence_last_value(
                    pg_get_serial_sequence('account', 'id')::regclass), 0),
                coalesce(pg_sequence_last_value(
                    pg_get_serial_sequence('upload', 'pieces')::regclass), 0),
                coalesce(pg_sequence_last_value(
                    pg_get_serial_sequence('app_password', 'id')::regclass), 0)"
        );
        let rows = self.0.query(statement, &[])?;
        let row = rows.one()?;
        Ok(MigrationNumbers {
            mail: row.get(0)?,
            content: row.get(1)?,
            account: row.get(2)?,
            pieces: row.get(3)?,
            app_password: row.get(4)?,
        })
    }
}

/// A value before all that a column of a key has.
fn lowest(table: MigrationTable, column: usize) -> Option<MigrationValue> {
    Some(match table.columns().get(column)? {
        ValueKind::Number => MigrationValue::Number(i64::MIN),
        ValueKind::Text => MigrationValue::Text(String::new()),
        ValueKind::Bytes => MigrationValue::Bytes(Vec::new()),
    })
}

/// The value of a key as a parameter; no key has NULL.
fn param(value: &MigrationValue) -> Option<&(dyn ToSql + Sync)> {
    match value {
        MigrationValue::Null => None,
        MigrationValue::Number(number) => Some(number),
        MigrationValue::Text(text) => Some(text),
        MigrationValue::Bytes(bytes) => Some(bytes),
    }
}

fn read(table: MigrationTable, row: &Row<'_>) -> Result<MigrationRow, QueryError> {
    let value = |(column, kind): (usize, &ValueKind)| {
        Ok(match kind {
            ValueKind::Number => row.get::<Option<i64>>(column)?.map(MigrationValue::Number),
            ValueKind::Text => row.get::<Option<String>>(column)?.map(MigrationValue::Text),
            ValueKind::Bytes => row.get::<Option<Vec<u8>>>(column)?.map(MigrationValue::Bytes),
        }
        .unwrap_or(MigrationValue::Null))
    };
    table.columns().iter().enumerate().map(value).collect()
}
