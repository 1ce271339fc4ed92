//! The store that an export reads.

use std::path::Path;

use correio_proto::mail::{Mail, MailRef, Piece, Seq, Username};

use super::error::ExportError;
use crate::{
    ids::AccountId,
    store::{
        postgres::{PostgresMailReader, PostgresOpenError},
        sqlite::MailReader,
    },
};

/// A store, read as of one moment.
#[derive(Debug)]
pub(super) enum MailSource<'a> {
    /// The database of a data directory.
    Sqlite(Box<MailReader<'a>>, &'a Path),
    /// A database that servers may share.
    Postgres(PostgresMailReader<'a>),
}

impl MailSource<'_> {
    /// The store's place, for a person.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Sqlite(_, directory) => format!("the data directory {}", directory.display()),
            Self::Postgres(_) => "the database".to_owned(),
        }
    }

    /// The account of a username, if there is one.
    pub(super) fn account(&mut self, name: &Username) -> Result<Option<AccountId>, ExportError> {
        Ok(match self {
            Self::Sqlite(reader, _) => reader.account(name)?,
            Self::Postgres(reader) => reader.account(name).map_err(PostgresOpenError::from)?,
        })
    }

    /// All accounts, by id.
    pub(super) fn accounts(&mut self) -> Result<Vec<(AccountId, Username)>, ExportError> {
        Ok(match self {
            Self::Sqlite(reader, _) => reader.accounts()?,
            Self::Postgres(reader) => reader.accounts().map_err(PostgresOpenError::from)?,
        })
    }

    /// Mails of an account after a number, oldest first. Empty after the last.
    pub(super) fn page(
        &mut self,
        account: AccountId,
        after: Seq,
    ) -> Result<Vec<Mail>, ExportError> {
        Ok(match self {
            Self::Sqlite(reader, _) => reader.page(account, after)?,
            Self::Postgres(reader) => {
                reader.page(account, after).map_err(PostgresOpenError::from)?
            }
        })
    }

    /// A piece of a mail's large content from this position on. Empty from the content's end on.
    pub(super) fn piece(
        &mut self,
        account: AccountId,
        mail: MailRef,
        offset: u64,
    ) -> Result<Piece, ExportError> {
        Ok(match self {
            Self::Sqlite(reader, _) => reader.piece(account, mail, offset)?,
            Self::Postgres(reader) => {
                reader.piece(account, mail, offset).map_err(PostgresOpenError::from)?
            }
        })
    }
}
