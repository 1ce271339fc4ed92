//! `correiod export`: waiting mail as Maildirs, a directory for each account. Nothing is deleted.
//!
//! A file's name is made of the mail's time, number, id and sender, as the client's mailboxes have
//! it, so that a repeated export finds the mails that are there already.

mod error;
mod maildir;
mod source;

use std::path::Path;

use correio_proto::mail::{Seq, Username};

pub use self::{error::ExportError, maildir::is_domain};
use self::{maildir::Maildir, source::MailSource};
use crate::{
    cancel::Cancel,
    ops::progress::Progress,
    store::{kind::StoreConfig, postgres::MailDatabase, sqlite::SqliteSnapshot},
};

/// Whose mail is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportChoice {
    /// Of one account.
    Account(Username),
    /// Of all accounts.
    All,
}

/// What an export did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Number of accounts.
    pub accounts: u64,
    /// Mails that were written.
    pub written: u64,
    /// Mails that an earlier export had written.
    pub known: u64,
}

/// Writes waiting mail into `target`, as `target/<username>/{cur,new,tmp}`. `domain` stands after
/// the `@` of mail addresses.
///
/// # Errors
///
/// See [`ExportError`]. The mails that were written until then stay; each is whole.
pub fn export(
    store: &StoreConfig,
    directory: &Path,
    choice: &ExportChoice,
    target: &Path,
    domain: &str,
    cancel: &Cancel,
) -> Result<Exported, ExportError> {
    match store {
        StoreConfig::Sqlite | StoreConfig::Memory => {
            let snapshot = SqliteSnapshot::open(directory, cancel)?;
            let reader = MailSource::Sqlite(Box::new(snapshot.reader()?), directory);
            write_all(reader, choice, target, domain, cancel)
        }
        StoreConfig::Postgres(database) => {
            let mut database = MailDatabase::open(&database.url)?;
            let reader = MailSource::Postgres(database.reader()?);
            write_all(reader, choice, target, domain, cancel)
        }
    }
}

fn write_all(
    mut reader: MailSource<'_>,
    choice: &ExportChoice,
    target: &Path,
    domain: &str,
    cancel: &Cancel,
) -> Result<Exported, ExportError> {
    let accounts = match choice {
        ExportChoice::All => reader.accounts()?,
        ExportChoice::Account(username) => match reader.account(username)? {
            Some(id) => vec![(id, username.clone())],
            None => {
                let (username, place) = (username.clone(), reader.place());
                return Err(ExportError::NoAccount { username, place });
            }
        },
    };
    let progress = Progress::new();
    progress.begin_count("exporting mails");
    let mut exported = Exported::default();
    for (account, username) in accounts {
        // A username begins with a letter or a digit and has no slash: it is a file's name.
        let mut maildir = Maildir::open(&target.join(username.as_str()), domain)?;
        let mut after = Seq(0);
        loop {
            let page = reader.page(account, after)?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            for mail in &page {
                if cancel.is_asked() {
                    return Err(ExportError::Interrupted);
                }
                let mut read = |offset| reader.piece(account, mail.reference(), offset);
                match maildir.add(mail, &mut read)? {
                    true => exported.written += 1,
                    false => exported.known += 1,
                }
                progress.set(exported.written + exported.known);
            }
        }
        maildir.sync()?;
        exported.accounts += 1;
    }
    Ok(exported)
}
