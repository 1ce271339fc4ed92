//! Counts the textures that rows of an earlier version lack.

use rusqlite::{Connection, Result};

use crate::store::{
    migration::{MigrationRow, MigrationTable, MigrationValue},
    texture::TextureCount,
    texture_bytes,
};

/// Adds the texture of its bytes to a row that lacks it. A mail that names a content has none.
pub(super) fn add(db: &Connection, table: MigrationTable, row: &mut MigrationRow) -> Result<()> {
    let column = match table {
        MigrationTable::Mail => 13,
        MigrationTable::Content => 11,
        MigrationTable::Upload => 7,
        _ => return Ok(()),
    };
    if row.get(column) != Some(&MigrationValue::Null) {
        return Ok(());
    }
    let Some(bytes) = counted(db, table, row)? else { return Ok(()) };
    if let Some(texture) = row.get_mut(column) {
        *texture = MigrationValue::Bytes(bytes);
    }
    Ok(())
}

/// The texture of a row's bytes; `None` if the row has no bytes of its own.
fn counted(db: &Connection, table: MigrationTable, row: &MigrationRow) -> Result<Option<Vec<u8>>> {
    let number = |column: usize| row.get(column).and_then(MigrationValue::number);
    let (body, pieces) = match table {
        MigrationTable::Mail => (12, None),
        MigrationTable::Content => (10, number(9)),
        _ => {
            let count = number(0).map(|pieces| of_pieces(db, pieces)).transpose()?;
            return Ok(count.as_ref().map(texture_bytes::encode_count));
        }
    };
    let texture = match (row.get(body).and_then(MigrationValue::bytes), pieces) {
        (Some(body), _) => TextureCount::of(body),
        (None, Some(pieces)) => of_pieces(db, pieces)?.texture,
        (None, None) => return Ok(None),
    };
    Ok(Some(texture_bytes::encode(&texture)))
}

fn of_pieces(db: &Connection, pieces: i64) -> Result<TextureCount> {
    let sql = "SELECT bytes FROM piece WHERE pieces = ?1 ORDER BY position";
    let mut select = db.prepare_cached(sql)?;
    let mut rows = select.query([pieces])?;
    let mut count = TextureCount::new();
    while let Some(row) = rows.next()? {
        count.add(row.get_ref(0)?.as_blob()?);
    }
    Ok(count)
}
