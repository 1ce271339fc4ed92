//! Converts values to PostgreSQL's types and back. A value that does not parse was damaged, or
//! written by another program.

use correio_proto::mail::{ContentSize, Invalid, MailId, Timestamp};

use super::{connection::Row, error::QueryError};

/// Converts to PostgreSQL's signed integers; real values never come near the sign.
pub(super) fn to_sql(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(row: &Row<'_>, column: usize) -> Result<u64, QueryError> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| damaged(column, &format_args!("the number is {value}")))
}

pub(super) fn timestamp(row: &Row<'_>, column: usize) -> Result<Timestamp, QueryError> {
    unsigned(row, column).map(Timestamp)
}

/// An optional number.
pub(super) fn optional_unsigned(row: &Row<'_>, column: usize) -> Result<Option<u64>, QueryError> {
    match row.get::<Option<i64>>(column)? {
        None => Ok(None),
        Some(_) => unsigned(row, column).map(Some),
    }
}

/// An optional time.
pub(super) fn optional_timestamp(
    row: &Row<'_>,
    column: usize,
) -> Result<Option<Timestamp>, QueryError> {
    Ok(optional_unsigned(row, column)?.map(Timestamp))
}

/// Parses a stored text.
pub(super) fn parsed<T>(row: &Row<'_>, column: usize) -> Result<T, QueryError>
where
    T: std::str::FromStr<Err = Invalid>,
{
    let text: &str = row.get(column)?;
    text.parse().map_err(|invalid: Invalid| damaged(column, &invalid))
}

/// Reads the id of a mail.
pub(super) fn mail_id(row: &Row<'_>, column: usize) -> Result<MailId, QueryError> {
    MailId::try_from(array::<16>(row, column)?).map_err(|invalid| damaged(column, &invalid))
}

/// Reads the size of a large content.
pub(super) fn content_size(row: &Row<'_>, column: usize) -> Result<ContentSize, QueryError> {
    ContentSize::try_from(unsigned(row, column)?).map_err(|invalid| damaged(column, &invalid))
}

/// Reads so many bytes.
pub(super) fn array<const N: usize>(row: &Row<'_>, column: usize) -> Result<[u8; N], QueryError> {
    let bytes: &[u8] = row.get(column)?;
    bytes
        .try_into()
        .map_err(|_| damaged(column, &format_args!("{} bytes in place of {N}", bytes.len())))
}

/// The error of a value that cannot be.
pub(super) fn damaged(column: usize, reason: &dyn std::fmt::Display) -> QueryError {
    QueryError::Fatal(
        format!("the database has a damaged value in column {column}: {reason}").into(),
    )
}
