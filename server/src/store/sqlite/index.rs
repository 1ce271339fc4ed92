//! Enters recent mails into the index of mailboxes, many at a time and each mailbox's together, so
//! that a page is written for all that stand on it.

use rusqlite::{Connection, Result, params};

use super::{cache::AccountCache, memtable::Memtable, row::to_sql};

/// Enters all of them, within the transaction that is open. [`flushed`] follows once that is
/// committed.
///
/// # Errors
///
/// The file cannot be written to.
pub(super) fn flush(db: &Connection, memtable: &Memtable) -> Result<()> {
    let mut insert = db.prepare_cached("INSERT INTO mailbox (account, seq) VALUES (?1, ?2)")?;
    let sql = "UPDATE account SET mails = mails + ?2, bytes = bytes + ?3 WHERE id = ?1";
    let mut count = db.prepare_cached(sql)?;
    for (account, mailbox) in memtable.sorted() {
        for seq in mailbox.seqs() {
            insert.execute([account.0, seq])?;
        }
        count.execute(params![account.0, mailbox.mails(), to_sql(mailbox.bytes())])?;
    }
    db.prepare_cached("UPDATE meta SET indexed = ?1")?.execute([memtable.last()])?;
    Ok(())
}

/// Takes note that they are in the index for good.
pub(super) fn flushed(memtable: &mut Memtable, accounts: &mut AccountCache) {
    for (account, _) in memtable.sorted() {
        accounts.forget(account);
    }
    memtable.clear();
}
