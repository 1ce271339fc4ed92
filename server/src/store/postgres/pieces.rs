//! The pieces of large contents: rows of the table `piece` under the number that their upload gave
//! them. One upload, one content or one row of the table `dropped` names each number.

use correio_proto::{limits::PIECE_MAX, mail::Piece};

use super::{
    context::Context,
    error::QueryError,
    row::{to_sql, unsigned},
};

/// A row with fewer bytes takes further bytes in. Otherwise a content that came in tiny pieces
/// would have so many rows that reading a part of it takes long.
const ROW_BYTES_MIN: i32 = 32 << 10;

/// Rows deleted in one slice, at most 16 MiB.
const SLICE_ROWS: i64 = 64;

/// The number of the pieces of one upload or content. No number is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pieces(pub(super) i64);

/// Adds bytes to pieces that have `staged` bytes so far.
pub(super) fn append(
    context: &mut Context<'_, '_>,
    Pieces(pieces): Pieces,
    staged: u64,
    bytes: &[u8],
) -> Result<(), QueryError> {
    let statement = statement!(
        "UPDATE piece SET bytes = bytes || $2 WHERE pieces = $1 AND octet_length(bytes) < $3
             AND position = (SELECT max(position) FROM piece WHERE pieces = $1)",
        INT8,
        BYTEA,
        INT4
    );
    if context.execute(statement, &[&pieces, &bytes, &ROW_BYTES_MIN])? > 0 {
        return Ok(());
    }
    let statement = statement!(
        "INSERT INTO piece (pieces, position, bytes) VALUES ($1, $2, $3)",
        INT8,
        INT8,
        BYTEA
    );
    context.execute(statement, &[&pieces, &to_sql(staged), &bytes]).map(drop)
}

/// Reads from this position of a content of `size` bytes: [`PIECE_MAX`] bytes, or fewer at its end.
///
/// # Errors
///
/// Bytes of the content are missing in the database, or the database gives none.
pub(super) fn read(
    context: &mut Context<'_, '_>,
    Pieces(pieces): Pieces,
    size: u64,
    offset: u64,
) -> Result<Piece, QueryError> {
    let wanted = size.saturating_sub(offset).min(PIECE_MAX as u64);
    let wanted = usize::try_from(wanted).unwrap_or(PIECE_MAX);
    if wanted == 0 {
        return Ok(Piece::default());
    }
    let statement = statement!(
        "SELECT position, bytes FROM piece WHERE pieces = $1 AND position >=
             (SELECT max(position) FROM piece WHERE pieces = $1 AND position <= $2)
             AND position < $3
         ORDER BY position",
        INT8,
        INT8,
        INT8
    );
    let end = to_sql(offset + wanted as u64);
    let rows = context.query(statement, &[&pieces, &to_sql(offset), &end])?;
    let mut read = Vec::with_capacity(wanted);
    for row in rows.iter() {
        let skipped = (offset + read.len() as u64).checked_sub(unsigned(&row, 0)?);
        let skipped = skipped.and_then(|skipped| usize::try_from(skipped).ok());
        let bytes: &[u8] = row.get(1)?;
        // Missing bytes in between end the reading, as if they were missing at the end.
        let Some(bytes) = skipped.and_then(|skipped| bytes.get(skipped..)) else {
            break;
        };
        read.extend(bytes.iter().take(wanted - read.len()));
    }
    // Never longer than a piece may be.
    match Piece::try_from(read.as_slice()) {
        Ok(piece) if read.len() == wanted => Ok(piece),
        _ => Err(QueryError::Fatal(format!("bytes of the pieces {pieces} are missing").into())),
    }
}

/// Leaves pieces that nothing names any more to [`delete_slice`].
pub(super) fn drop_later(context: &mut Context<'_, '_>, pieces: &[i64]) -> Result<(), QueryError> {
    if pieces.is_empty() {
        return Ok(());
    }
    let statement = statement!(
        "INSERT INTO dropped (pieces) SELECT unnest($1) ON CONFLICT DO NOTHING",
        INT8_ARRAY
    );
    context.execute(statement, &[&pieces]).map(drop)
}

/// Deletes some rows of dropped pieces. Returns whether there may be more.
pub(super) fn delete_slice(context: &mut Context<'_, '_>) -> Result<bool, QueryError> {
    // Another lane or server that deletes pieces takes others.
    let statement = statement!("SELECT pieces FROM dropped LIMIT 1 FOR UPDATE SKIP LOCKED");
    let rows = context.query(statement, &[])?;
    let Some(row) = rows.first() else {
        return Ok(false);
    };
    let pieces: i64 = row.get(0)?;
    let statement = statement!(
        "DELETE FROM piece WHERE pieces = $1 AND position IN
             (SELECT position FROM piece WHERE pieces = $1 LIMIT $2)",
        INT8,
        INT8
    );
    let deleted = context.execute(statement, &[&pieces, &SLICE_ROWS])?;
    if deleted < SLICE_ROWS.unsigned_abs() {
        context.execute(statement!("DELETE FROM dropped WHERE pieces = $1", INT8), &[&pieces])?;
    }
    Ok(true)
}
