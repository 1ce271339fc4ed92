//! What the store thread keeps in memory about contents.

use rusqlite::{Connection, Result};

use super::{
    counted_textures::CountedTextures,
    pieces::{self, Pieces},
    row::unsigned,
};
use crate::store::UploadLimits;

/// The bounds and totals of uploads, and whether pieces are left to delete.
#[derive(Debug)]
pub(super) struct ContentCache {
    pub(super) limits: UploadLimits,
    /// The bytes that all uploads have, once they were needed.
    upload_bytes: Option<u64>,
    /// Whether pieces are left to delete.
    pub(super) dropped: Dropped,
    /// Pieces that uploads got and that no deleted piece has made up for yet.
    owed: u32,
    /// Textures of contents whose rows have none.
    pub(super) counted: CountedTextures,
}

/// Whether the table `dropped` has rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    /// The table has no rows.
    Nothing,
    /// The table may have rows.
    Pieces,
    /// The table may have rows, but the disk was full when the last slice was deleted.
    DiskFull,
}

impl ContentCache {
    /// The cache of a file that nothing was read from yet.
    pub(super) fn new(limits: UploadLimits) -> Self {
        let (dropped, counted) = (Dropped::Pieces, CountedTextures::default());
        Self { limits, upload_bytes: None, dropped, owed: 0, counted }
    }

    /// Empties the cache, since the file may have changed without it.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.limits);
    }

    /// The bytes that all uploads have.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub(super) fn upload_bytes(&mut self, db: &Connection) -> Result<u64> {
        if let Some(bytes) = self.upload_bytes {
            return Ok(bytes);
        }
        let sql = "SELECT coalesce(sum(staged), 0) FROM upload";
        let bytes = db.prepare_cached(sql)?.query_row([], |row| unsigned(row, 0))?;
        self.upload_bytes = Some(bytes);
        Ok(bytes)
    }

    /// Leaves pieces that nothing names any more to [`pieces::delete_slice`].
    ///
    /// # Errors
    ///
    /// The file cannot be written to.
    pub(super) fn drop_later(&mut self, db: &Connection, pieces: Pieces) -> Result<()> {
        self.dropped = Dropped::Pieces;
        pieces::drop_later(db, pieces)
    }

    /// Counts a piece with these bytes that an upload got.
    pub(super) fn add(&mut self, new: u64) {
        self.owed = self.owed.saturating_add(1);
        self.upload_bytes = self.upload_bytes.map(|bytes| bytes.saturating_add(new));
    }

    /// Pieces to delete, if any are dropped, so that the file does not grow for new ones.
    pub(super) fn owed(&self) -> u32 {
        self.owed
    }

    /// Counts pieces that were deleted.
    pub(super) fn deleted(&mut self, pieces: u32) {
        self.owed = self.owed.saturating_sub(pieces);
    }

    /// Owes nothing, since no piece can be deleted now.
    pub(super) fn owe_nothing(&mut self) {
        self.owed = 0;
    }

    /// Counts an upload that is gone, and that had these bytes.
    pub(super) fn remove(&mut self, staged: u64) {
        self.upload_bytes = self.upload_bytes.map(|bytes| bytes.saturating_sub(staged));
    }
}
