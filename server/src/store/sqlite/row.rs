//! Converts values to SQLite's types and back. A value that does not parse was damaged.

use correio_proto::mail::Timestamp;
use rusqlite::{
    Result, Row,
    types::{FromSqlError, FromSqlResult, Type, ValueRef},
};

/// Converts to SQLite's signed integers; real values never come near the sign.
pub(super) fn to_sql(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

pub(super) fn timestamp(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    unsigned(row, column).map(Timestamp)
}

/// An optional time.
pub(super) fn optional_timestamp(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => timestamp(row, column).map(Some),
    }
}

/// Parses a stored text.
pub(super) fn parsed<T>(row: &Row<'_>, column: usize) -> Result<T>
where
    T: std::str::FromStr<Err = correio_proto::mail::Invalid>,
{
    converted(row, column, |value| {
        value.as_str()?.parse().map_err(|invalid| FromSqlError::Other(Box::new(invalid)))
    })
}

pub(super) fn converted<T>(
    row: &Row<'_>,
    column: usize,
    convert: impl FnOnce(ValueRef<'_>) -> FromSqlResult<T>,
) -> Result<T> {
    let value = row.get_ref(column)?;
    convert(value).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}
