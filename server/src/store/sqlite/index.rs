//! Enters recent mails into the index of mailboxes, many at a time and each mailbox's together, so
//! that a page is written for all that stand on it.

use rusqlite::{Connection, Result, params};

use super::{cache::AccountCache, recent::Recent, row::to_sql};

/// Enters all of them, within the transaction that is open. [`entered`] follows once that is
/// committed.
///
/// # Errors
///
/// The file cannot be written to.
pub(super) fn enter(db: &Connection, recent: &Recent) -> Result<()> {
    let mut insert = db.prepare_cached("INSERT INTO mailbox (account, seq) VALUES (?1, ?2)")?;
    let sql = "UPDATE account SET mails = mails + ?2, bytes = bytes + ?3 WHERE id = ?1";
    let mut count = db.prepare_cached(sql)?;
    for (account, mailbox) in recent.sorted() {
        for seq in mailbox.seqs() {
            insert.execute([account.0, seq])?;
        }
        count.execute(params![account.0, mailbox.mails(), to_sql(mailbox.bytes())])?;
    }
    db.prepare_cached("UPDATE meta SET indexed = ?1")?.execute([recent.last()])?;
    Ok(())
}

/// Takes note that they are in the index for good.
pub(super) fn entered(recent: &mut Recent, accounts: &mut AccountCache) {
    for (account, _) in recent.sorted() {
        accounts.forget(account);
    }
    recent.entered();
}
