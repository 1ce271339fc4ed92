//! Reads the mail of a snapshot, page by page and piece by piece.

use correio_proto::mail::{Mail, MailRef, Piece, Seq, Username};

use super::{
    accounts, cache::AccountCache, content_cache::ContentCache, contents, finder::NameChange,
    mails, memtable::Memtable, schema::Schema, snapshot::SqliteSnapshot,
    snapshot_error::SnapshotError, tables::Tables,
};
use crate::{
    ids::AccountId,
    store::{Quota, StoreDone, UploadLimits},
};

/// Bytes of bodies after which a page of mails ends.
const PAGE_BYTES: usize = 1 << 20;

/// Mails of a page at most.
const PAGE_MAILS: u32 = 200;

impl SqliteSnapshot {
    /// Begins to read mail, all of it as of one moment.
    ///
    /// # Errors
    ///
    /// See [`SnapshotError`]; [`SnapshotError::Older`] if the tables are those of an older version.
    pub fn reader(&self) -> Result<MailReader<'_>, SnapshotError> {
        if self.is_older() {
            let (path, known) = (self.path.clone(), Schema::PRESENT.version());
            return Err(SnapshotError::Older { path, found: self.version(), known });
        }
        self.begin()?;
        let memtable = Memtable::read(&self.connection).map_err(|error| self.failed(error))?;
        let contents = ContentCache::new(UploadLimits::default());
        Ok(MailReader {
            snapshot: self,
            memtable,
            accounts: AccountCache::default(),
            contents,
            names: Vec::new(),
        })
    }
}

/// Reads accounts and their waiting mail, as the store itself does.
#[derive(Debug)]
pub struct MailReader<'a> {
    snapshot: &'a SqliteSnapshot,
    memtable: Memtable,
    accounts: AccountCache,
    contents: ContentCache,
    /// Stays empty: a reader changes nothing.
    names: Vec<NameChange>,
}

impl MailReader<'_> {
    /// The account of a username, if there is one.
    ///
    /// # Errors
    ///
    /// See [`SnapshotError`].
    pub fn account(&mut self, username: &Username) -> Result<Option<AccountId>, SnapshotError> {
        let found = self.accounts.by_username(&self.snapshot.connection, username);
        match found {
            Ok(found) => Ok(found.map(|(id, _)| id)),
            Err(error) => Err(self.snapshot.failed(error)),
        }
    }

    /// All accounts, by id.
    ///
    /// # Errors
    ///
    /// See [`SnapshotError`].
    pub fn accounts(&self) -> Result<Vec<(AccountId, Username)>, SnapshotError> {
        accounts::all(&self.snapshot.connection).map_err(|error| self.snapshot.failed(error))
    }

    /// Mails of an account after a number, oldest first: at most 200, and none more after the
    /// bodies have a mebibyte. Empty after the last.
    ///
    /// # Errors
    ///
    /// See [`SnapshotError`].
    pub fn page(&mut self, account: AccountId, after: Seq) -> Result<Vec<Mail>, SnapshotError> {
        match mails::fetch(&mut self.tables(), account, after, PAGE_MAILS, PAGE_BYTES) {
            Ok(StoreDone::Page { mails, .. }) => Ok(mails),
            Ok(_) => Ok(Vec::new()),
            Err(error) => Err(self.snapshot.failed(error)),
        }
    }

    /// A piece of a mail's large content from this position on. Empty from the content's end on.
    ///
    /// # Errors
    ///
    /// See [`SnapshotError`].
    pub fn piece(
        &mut self,
        account: AccountId,
        mail: MailRef,
        offset: u64,
    ) -> Result<Piece, SnapshotError> {
        match contents::read(&mut self.tables(), account, mail, offset) {
            Ok(StoreDone::Piece(piece)) => Ok(piece),
            Ok(_) => Ok(Piece::default()),
            Err(error) => Err(self.snapshot.failed(error)),
        }
    }

    fn tables(&mut self) -> Tables<'_> {
        Tables {
            db: &self.snapshot.connection,
            // Reading asks for no quota.
            quota: Quota { mails: 0, bytes: 0 },
            memtable: &mut self.memtable,
            accounts: &mut self.accounts,
            contents: &mut self.contents,
            names: &mut self.names,
            work: 0,
        }
    }
}
