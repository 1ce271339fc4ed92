//! Flushes the memtable into the index of mailboxes: mailbox by mailbox, so that each page is
//! written once for all of its new entries.

use rusqlite::{Connection, Result, params};

use super::{cache::AccountCache, memtable::Memtable, row::to_sql};

/// Inserts all mails of the memtable within the open transaction. The caller calls [`flushed`]
/// after the commit.
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

/// Empties the memtable after the commit of a flush, and drops the cached counts of its accounts.
pub(super) fn flushed(memtable: &mut Memtable, accounts: &mut AccountCache) {
    for (account, _) in memtable.sorted() {
        accounts.forget(account);
    }
    memtable.clear();
}
