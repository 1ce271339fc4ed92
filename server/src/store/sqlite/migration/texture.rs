//! Counts the textures that rows of an earlier version lack.

use rusqlite::{Connection, Result};

use crate::store::{
    migration::{MigrationRow, MigrationTable, MigrationValue},
    texture::TextureCount,
    texture_bytes,
};

/// Adds the texture of a content to a row that lacks it. A mail that names a content has none.
pub(super) fn add(db: &Connection, table: MigrationTable, row: &mut MigrationRow) -> Result<()> {
    let columns = match table {
        MigrationTable::Mail => (12, 13, None),
        MigrationTable::Content => (10, 11, row.get(9).and_then(MigrationValue::number)),
        _ => return Ok(()),
    };
    let (body, texture, pieces) = columns;
    if row.get(texture) != Some(&MigrationValue::Null) {
        return Ok(());
    }
    let count = match (row.get(body).and_then(MigrationValue::bytes), pieces) {
        (Some(body), _) => TextureCount::of(body),
        (None, Some(pieces)) => of_pieces(db, pieces)?,
        (None, None) => return Ok(()),
    };
    if let Some(value) = row.get_mut(texture) {
        *value = MigrationValue::Bytes(texture_bytes::encode(&count));
    }
    Ok(())
}

fn of_pieces(db: &Connection, pieces: i64) -> Result<crate::store::gateway::Texture> {
    let sql = "SELECT bytes FROM piece WHERE pieces = ?1 ORDER BY position";
    let mut select = db.prepare_cached(sql)?;
    let mut rows = select.query([pieces])?;
    let mut count = TextureCount::new();
    while let Some(row) = rows.next()? {
        count.add(row.get_ref(0)?.as_blob()?);
    }
    Ok(count.texture)
}
