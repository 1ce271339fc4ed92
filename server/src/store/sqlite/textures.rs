//! The column `texture` of the tables `mail`, `content` and `upload` ([`texture_bytes`]). A row
//! that an earlier version has made has none.

use rusqlite::{
    Result, Row,
    types::{FromSqlError, ValueRef},
};

use super::row::converted;
use crate::store::{gateway::Texture, texture::TextureCount, texture_bytes};

/// Reads the texture of a whole content.
///
/// # Errors
///
/// The value is damaged.
pub(super) fn texture(row: &Row<'_>, column: usize) -> Result<Option<Texture>> {
    read(row, column, texture_bytes::decode)
}

/// Reads the texture of an upload.
///
/// # Errors
///
/// The value is damaged.
pub(super) fn count(row: &Row<'_>, column: usize) -> Result<Option<TextureCount>> {
    read(row, column, texture_bytes::decode_count)
}

fn read<T>(
    row: &Row<'_>,
    column: usize,
    decode: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<Option<T>> {
    if row.get_ref(column)? == ValueRef::Null {
        return Ok(None);
    }
    converted(row, column, |value| {
        decode(value.as_blob()?).map(Some).ok_or(FromSqlError::InvalidType)
    })
}
