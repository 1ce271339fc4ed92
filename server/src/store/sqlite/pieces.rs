//! The pieces of large contents: rows of the table `piece` under the number that their upload gave
//! them. One upload, one content or one row of the table `dropped` names each number.

use correio_proto::{limits::PIECE_MAX, mail::Piece};
use rusqlite::{Connection, Error, OptionalExtension, Result, Row, params};

use super::{
    pace::Load,
    row::{to_sql, unsigned},
};

/// A row with fewer bytes takes further bytes in. Otherwise a content that came in tiny pieces
/// would have so many rows that reading a part of it takes long.
const ROW_BYTES_MIN: u32 = 32 << 10;

/// Rows deleted in one slice, about a mebibyte: SQLite reads each of their database pages.
const SLICE_ROWS: u32 = 4;

/// Most rows deleted in one slice while jobs come.
const OWED_ROWS_MAX: u32 = 64;

/// Most contents whose rows one slice deletes.
const CONTENTS_MAX: u32 = 64;

/// The number of the pieces of one upload or content. No number is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pieces(pub(super) i64);

/// Adds bytes to pieces that have `staged` bytes so far.
///
/// # Errors
///
/// The file cannot be read or written to.
pub(super) fn append(
    db: &Connection,
    Pieces(pieces): Pieces,
    staged: u64,
    bytes: &[u8],
) -> Result<()> {
    let sql = "INSERT INTO piece (pieces, position, bytes) VALUES (?1, ?2, ?3)
               ON CONFLICT DO UPDATE SET bytes = excluded.bytes";
    let mut put = db.prepare_cached(sql)?;
    match short_row(db, Pieces(pieces))? {
        None => put.execute(params![pieces, to_sql(staged), bytes])?,
        Some((position, begin)) => {
            put.execute(params![pieces, position, [&begin, bytes].concat()])?
        }
    };
    Ok(())
}

/// The last row, if it is shorter than [`ROW_BYTES_MIN`]: its position and bytes.
fn short_row(db: &Connection, Pieces(pieces): Pieces) -> Result<Option<(i64, Vec<u8>)>> {
    let sql = "SELECT position, iif(octet_length(bytes) < ?2, bytes, NULL) FROM piece
               WHERE pieces = ?1 ORDER BY position DESC LIMIT 1";
    let last = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, Option<Vec<u8>>>(1)?));
    let last =
        db.prepare_cached(sql)?.query_row(params![pieces, ROW_BYTES_MIN], last).optional()?;
    Ok(last.and_then(|(position, bytes)| Some((position, bytes?))))
}

/// Reads from this position of a content of `size` bytes: [`PIECE_MAX`] bytes, or fewer at its end.
///
/// # Errors
///
/// The file cannot be read, or bytes of the content are missing in it.
pub(super) fn read(
    db: &Connection,
    Pieces(pieces): Pieces,
    size: u64,
    offset: u64,
) -> Result<Piece> {
    let wanted = size.saturating_sub(offset).min(PIECE_MAX as u64);
    let wanted = usize::try_from(wanted).unwrap_or(PIECE_MAX);
    if wanted == 0 {
        return Ok(Piece::default());
    }
    let mut read = Vec::with_capacity(wanted);
    let mut select = db.prepare_cached(
        "SELECT position, bytes FROM piece WHERE pieces = ?1 AND position >=
             (SELECT max(position) FROM piece WHERE pieces = ?1 AND position <= ?2)
         ORDER BY position",
    )?;
    let mut rows = select.query(params![pieces, to_sql(offset)])?;
    while read.len() < wanted
        && let Some(row) = rows.next()?
    {
        let skipped = (offset + read.len() as u64).checked_sub(unsigned(row, 0)?);
        let skipped = skipped.and_then(|skipped| usize::try_from(skipped).ok());
        let bytes = row.get_ref(1)?.as_blob()?;
        // Missing bytes in between end the reading, as if they were missing at the end.
        let Some(bytes) = skipped.and_then(|skipped| bytes.get(skipped..)) else {
            break;
        };
        read.extend(bytes.iter().take(wanted - read.len()));
    }
    // Never longer than a piece may be.
    match Piece::try_from(read.as_slice()) {
        Ok(piece) if read.len() == wanted => Ok(piece),
        _ => Err(Error::QueryReturnedNoRows),
    }
}

/// Leaves pieces that nothing names any more to [`delete_slice`].
///
/// # Errors
///
/// The file cannot be written to.
pub(super) fn drop_later(db: &Connection, Pieces(pieces): Pieces) -> Result<()> {
    db.prepare_cached("INSERT INTO dropped (pieces) VALUES (?1)")?.execute([pieces]).map(drop)
}

/// Rows that a slice deletes. While jobs come, they are one more than uploads got meanwhile:
/// otherwise the file would grow as long as large contents come and go.
pub(super) fn slice_rows(load: Load, owed: u32) -> u32 {
    match load {
        Load::Idle => SLICE_ROWS,
        Load::Busy => owed.saturating_add(1).min(OWED_ROWS_MAX),
    }
}

/// What a slice has deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deleted {
    pub(super) rows: u32,
    pub(super) left: Left,
}

/// Whether dropped pieces are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    /// There may be some.
    Perhaps,
}

/// Deletes up to so many rows of dropped pieces within the open transaction. After a restart this
/// goes on where it stood.
///
/// # Errors
///
/// The file cannot be read or written to.
pub(super) fn delete_slice(db: &Connection, rows_max: u32) -> Result<Deleted> {
    let mut first = db.prepare_cached("SELECT pieces FROM dropped LIMIT 1")?;
    let mut delete = db.prepare_cached(
        "DELETE FROM piece WHERE pieces = ?1 AND position IN
         (SELECT position FROM piece WHERE pieces = ?1 LIMIT ?2)",
    )?;
    let mut rows = 0;
    // An upload may have been dropped before it had a row.
    for _ in 0..CONTENTS_MAX {
        let Some(pieces) = first.query_row([], |row| row.get::<_, i64>(0)).optional()? else {
            return Ok(Deleted { rows, left: Left::Nothing });
        };
        let wanted = rows_max.saturating_sub(rows);
        let found = u32::try_from(delete.execute(params![pieces, wanted])?).unwrap_or(wanted);
        rows += found;
        if found >= wanted {
            break;
        }
        db.prepare_cached("DELETE FROM dropped WHERE pieces = ?1")?.execute([pieces])?;
    }
    Ok(Deleted { rows, left: Left::Perhaps })
}
