//! Flushes the memtable into the index of mailboxes, a slice at a time: mailbox by mailbox, so that
//! each page is written once for all of its new entries.

use rusqlite::{Connection, Result, params};

use super::{
    cache::AccountCache,
    memtable::{Memtable, Slice},
    row::to_sql,
};

/// Inserts the mails of a slice within the open transaction. The caller calls [`flushed`] after the
/// commit.
///
/// # Errors
///
/// The file cannot be written to.
pub(super) fn flush(db: &Connection, slice: &Slice) -> Result<()> {
    let mut insert = db.prepare_cached("INSERT INTO mailbox (account, seq) VALUES (?1, ?2)")?;
    let sql = "UPDATE account SET mails = mails + ?2, bytes = bytes + ?3 WHERE id = ?1";
    let mut count = db.prepare_cached(sql)?;
    for (account, entries) in &slice.accounts {
        for entry in entries {
            insert.execute([account.0, entry.seq])?;
        }
        let mails = entries.len() as u64;
        let bytes = entries.iter().map(|entry| entry.bytes).sum();
        count.execute(params![account.0, to_sql(mails), to_sql(bytes)])?;
    }
    if slice.is_last {
        let sql = "UPDATE meta SET indexed = ?1, flushing = 0, flushed = 0";
        db.prepare_cached(sql)?.execute([slice.until])?;
    } else if let Some((account, _)) = slice.accounts.last() {
        let sql = "UPDATE meta SET flushing = ?1, flushed = ?2";
        db.prepare_cached(sql)?.execute([slice.until, account.0])?;
    }
    Ok(())
}

/// Removes a slice from the memtable after its commit, and drops the cached counts of its accounts.
pub(super) fn flushed(memtable: &mut Memtable, accounts: &mut AccountCache, slice: &Slice) {
    for (account, _) in &slice.accounts {
        accounts.forget(*account);
    }
    memtable.remove_slice(slice);
}
