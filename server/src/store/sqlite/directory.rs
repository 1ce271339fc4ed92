//! The directory's index as SQL: a table of FTS5, by trigrams of the folded names.
//!
//! A part of three characters or more is looked for with the trigrams that it consists of, anywhere
//! in a name. Before each full name stand two characters that no name has: so a part of one or two
//! characters is a trigram, too, at the beginning of a full name. The beginnings of usernames are
//! looked for in the index of usernames.
//!
//! The index is changed in the transaction of the account's change.

use correio_proto::{
    directory::{Person, Query, fold},
    mail::{FullName, Username},
};
use rusqlite::{Connection, Result, Row, functions::FunctionFlags, params};

use super::row::parsed;
use crate::{
    ids::AccountId,
    store::{StoreDone, found::found},
};

/// Stands twice before each full name. No name has this character.
const START: char = '\u{1}';

/// Makes a function of SQL, by which the schema's step fills the index from an older database.
pub(super) fn add_function(db: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    db.create_scalar_function("directory_name", 1, flags, |context| {
        let full_name: String = context.get(0)?;
        Ok(indexed(&full_name))
    })
}

/// A full name as the index has it.
fn indexed(full_name: &str) -> String {
    format!("{START}{START}{}", fold(full_name))
}

/// Adds a new account.
pub(super) fn add(
    db: &Connection,
    account: AccountId,
    username: &Username,
    full_name: &FullName,
) -> Result<()> {
    let sql = "INSERT INTO directory (rowid, username, full_name) VALUES (?1, ?2, ?3)";
    let full_name = indexed(full_name.as_str());
    db.prepare_cached(sql)?.execute(params![account.0, username.as_str(), full_name]).map(drop)
}

/// Changes an account's full name.
pub(super) fn rename(db: &Connection, account: AccountId, full_name: &FullName) -> Result<()> {
    let sql = "UPDATE directory SET full_name = ?2 WHERE rowid = ?1";
    db.prepare_cached(sql)?.execute(params![account.0, indexed(full_name.as_str())]).map(drop)
}

/// Deletes an account's names.
pub(super) fn delete(db: &Connection, account: AccountId) -> Result<()> {
    db.prepare_cached("DELETE FROM directory WHERE rowid = ?1")?.execute([account.0]).map(drop)
}

/// Looks at most `people` people up.
pub(super) fn find(db: &Connection, query: &Query, people: usize) -> Result<StoreDone> {
    let part = query.as_str();
    let wanted = people.saturating_add(1);
    let sql = "SELECT username, full_name FROM account
               WHERE username >= ?1 AND username < ?2 ORDER BY username LIMIT ?3";
    let after = format!("{part}{}", char::MAX);
    let first: Vec<Person> = db
        .prepare_cached(sql)?
        .query_map(params![part, after, limit(wanted)], person)?
        .collect::<Result<_>>()?;
    let mut others = Vec::new();
    if first.len() < wanted {
        // FTS5 returns the accounts in the order of their ids, and stops at the limit.
        let sql = "SELECT account.username, account.full_name
                   FROM directory CROSS JOIN account ON account.id = directory.rowid
                   WHERE directory MATCH ?1 LIMIT ?2";
        let mut select = db.prepare_cached(sql)?;
        let mut rows = select.query(params![pattern(query), limit(wanted + first.len())])?;
        while let Some(row) = rows.next()? {
            let person = person(row)?;
            if !person.username.as_str().starts_with(part) {
                others.push(person);
            }
        }
    }
    Ok(StoreDone::Found(found(first, others, people)))
}

/// The query of FTS5. Within quotation marks every character stands for itself, but for the mark,
/// which is doubled.
fn pattern(query: &Query) -> String {
    let part = query.as_str().replace('"', "\"\"");
    match (query.is_short(), query.as_str().chars().count()) {
        (true, 1) => format!("full_name : \"{START}{START}{part}\""),
        (true, _) => format!("full_name : \"{START}{part}\""),
        (false, _) => format!("\"{part}\""),
    }
}

fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

fn person(row: &Row<'_>) -> Result<Person> {
    Ok(Person { username: parsed(row, 0)?, full_name: parsed(row, 1)? })
}

/// Calls `differs` for each account that the index has not with its names, and for each entry
/// without an account. That the trigrams are those of the names, SQLite's own check finds.
pub(super) fn compare(
    db: &Connection,
    mut differs: impl FnMut(AccountId, &'static str),
) -> Result<()> {
    let sql = "SELECT account.id, account.username, account.full_name,
                      directory.username, directory.full_name
               FROM account LEFT JOIN directory ON directory.rowid = account.id
               ORDER BY account.id";
    let mut select = db.prepare(sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let account = AccountId(row.get(0)?);
        let (username, full_name) = (text(row, 1)?, text(row, 2)?);
        match (text(row, 3)?, text(row, 4)?) {
            (None, None) => differs(account, "is missing in the directory"),
            (entry, name) if entry == username && name == full_name.map(indexed).as_deref() => {}
            _ => differs(account, "has another name in the directory"),
        }
    }
    let sql = "SELECT rowid FROM directory WHERE rowid NOT IN (SELECT id FROM account)";
    let mut select = db.prepare(sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        differs(AccountId(row.get(0)?), "is in the directory, and does not exist");
    }
    Ok(())
}

/// A text of a damaged database, which may be none.
fn text<'a>(row: &'a Row<'_>, column: usize) -> Result<Option<&'a str>> {
    Ok(row.get_ref(column)?.as_str().ok())
}
