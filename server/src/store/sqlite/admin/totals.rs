//! What the store has.

use rusqlite::Result;

use crate::store::{
    admin::{AdminDone, Totals},
    sqlite::{account_columns::ENABLED, row::unsigned, tables::Tables},
};

/// Counts accounts, mails and lists.
pub(super) fn totals(tables: &Tables<'_>) -> Result<AdminDone> {
    let (unflushed, unflushed_bytes) = tables.memtable.all();
    let sql = "SELECT count(*), coalesce(sum(state <> ?1), 0), coalesce(sum(mails), 0),
                      coalesce(sum(bytes), 0), (SELECT count(*) FROM list),
                      (SELECT page_count * page_size FROM pragma_page_count, pragma_page_size)
               FROM account";
    tables.db.prepare_cached(sql)?.query_row([ENABLED], |row| {
        Ok(AdminDone::Totals(Totals {
            accounts: unsigned(row, 0)?,
            disabled: unsigned(row, 1)?,
            mails: unsigned(row, 2)?.saturating_add(unflushed),
            bytes: unsigned(row, 3)?.saturating_add(unflushed_bytes),
            lists: unsigned(row, 4)?,
            file_bytes: unsigned(row, 5)?,
            nodes: None,
        }))
    })
}
