//! Reads accounts and their waiting mail from the database, all of it as of one moment.

use correio_proto::mail::{Mail, MailRef, Piece, Seq, Username};

use super::{
    account_rows,
    connection::{Connection, Transaction},
    contents,
    context::Context,
    database_url::DatabaseUrl,
    deadline::Deadline,
    error::QueryError,
    heartbeat::Heartbeat,
    mails, marker,
    open_error::PostgresOpenError,
    row::parsed,
};
use crate::{
    ids::AccountId,
    store::{Quota, StoreDone, UploadLimits},
};

/// Bytes of bodies after which a page of mails ends.
const PAGE_BYTES: usize = 1 << 20;

/// Mails of a page at most.
const PAGE_MAILS: u32 = 200;

/// A connection for reading mail.
#[derive(Debug)]
pub struct MailDatabase(Connection);

/// Reads accounts and mail within one transaction.
#[derive(Debug)]
pub struct PostgresMailReader<'c> {
    transaction: Transaction<'c>,
}

impl MailDatabase {
    /// Connects to a database.
    ///
    /// # Errors
    ///
    /// [`PostgresOpenError::Connect`].
    pub fn open(database: &DatabaseUrl) -> Result<Self, PostgresOpenError> {
        let mut connection = Connection::connect(database, Deadline::NEVER)?;
        connection.set_deadline(Deadline::NEVER);
        Ok(Self(connection))
    }

    /// Begins to read.
    ///
    /// # Errors
    ///
    /// [`PostgresOpenError::Query`], for example because the database has no tables of correio;
    /// [`PostgresOpenError::Unfinished`].
    pub fn reader(&mut self) -> Result<PostgresMailReader<'_>, PostgresOpenError> {
        let mut transaction = self.0.transaction();
        transaction.batch("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")?;
        if marker::is_in(&mut transaction)? {
            return Err(PostgresOpenError::Unfinished);
        }
        Ok(PostgresMailReader { transaction })
    }
}

impl<'c> PostgresMailReader<'c> {
    /// The account of a username, if there is one.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn account(&mut self, username: &Username) -> Result<Option<AccountId>, QueryError> {
        account_rows::id_of(&mut self.context(), username)
    }

    /// All accounts, by id.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn accounts(&mut self) -> Result<Vec<(AccountId, Username)>, QueryError> {
        let statement = statement!("SELECT id, username FROM account ORDER BY id");
        let rows = self.transaction.query(statement, &[])?;
        rows.iter().map(|row| Ok((AccountId(row.get(0)?), parsed(&row, 1)?))).collect()
    }

    /// Mails of an account after a number, oldest first: at most 200, and none more after the
    /// bodies have a mebibyte. Empty after the last.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn page(&mut self, account: AccountId, after: Seq) -> Result<Vec<Mail>, QueryError> {
        match mails::fetch(&mut self.context(), account, after, PAGE_MAILS, PAGE_BYTES)? {
            StoreDone::Page { mails, .. } => Ok(mails),
            _ => Ok(Vec::new()),
        }
    }

    /// A piece of a mail's large content from this position on. Empty from the content's end on.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn piece(
        &mut self,
        account: AccountId,
        mail: MailRef,
        offset: u64,
    ) -> Result<Piece, QueryError> {
        match contents::read(&mut self.context(), account, mail, offset)? {
            StoreDone::Piece(piece) => Ok(piece),
            _ => Ok(Piece::default()),
        }
    }

    fn context(&mut self) -> Context<'_, 'c> {
        // Reading asks for no bounds and writes nothing.
        let (quota, heartbeat) = (Quota { mails: 0, bytes: 0 }, Heartbeat { node: [0; 16] });
        Context::new(&mut self.transaction, quota, UploadLimits::default(), heartbeat)
    }
}
